"""One tiny network of every kind of task, and how a server of them is asked."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import cache
from typing import Any

import httpx
import numpy as np

from tests.export.conftest import (
    LABELS,
    OWN_HEADS,
    TAGS,
    WORDS,
    random_params,
    shape_like_xlmr,
)
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.centers import find_centers
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.serve.access import Access
from xlnas_jax.serve.app import make_app
from xlnas_jax.serve.front import Noted, make_front
from xlnas_jax.serve.limits import Limits
from xlnas_jax.serve.metrics import Counts
from xlnas_jax.serve.model import Served
from xlnas_jax.serve.serving import Serving
from xlnas_jax.space.cost import HeadSize
from xlnas_jax.supernet.chain import make_space

# Two padded lengths, and batches of one, two and four: few programs.
MAX_LENGTH = 24
SMALL = Limits(batch_size=4, max_texts=64, max_queue=4096)
ALONE = Limits(batch_size=1, max_texts=64, max_queue=4096)
HEADS = {
    "classification": HeadSize(len(LABELS)),
    "tagging": HeadSize(len(TAGS), True, len(OWN_HEADS)),
    "qa": HeadSize(2, True),
    "retrieval": HeadSize(16, gives_vectors=True),
}
NAMES = {"classification": LABELS, "tagging": TAGS}


def sentences(num: int, seed: int = 3, least: int = 0) -> list[str]:
    """Random sentences, most of different lengths."""
    rng = np.random.default_rng(seed)
    return [
        " ".join(rng.choice(WORDS, size)) for size in rng.integers(least, 22, size=num)
    ]


@cache
def network(task: str) -> Subnet:
    """Of one layer, with weights so large that every text has another answer."""
    tokenizer = train_tokenizer(sentences(200), vocab_size=80, max_length=MAX_LENGTH)
    shape = shape_like_xlmr(
        tokenizer,
        width=16,
        num_layers=1,
        num_heads=2,
        head_dim=8,
        ffn=16,
        max_positions=MAX_LENGTH + 2,
    )
    space = make_space(SpaceConfig(heads=(2,), ffn=(16,), pooling=("mean",)), shape)
    row = np.asarray(space.flatten(space.largest()))
    made = Subnet(
        slice_subnet(random_params(shape, HEADS[task]), space, row),
        shape,
        "mean",
        NAMES.get(task, ()),
        tokenizer,
        task=task,
        own_heads=OWN_HEADS if task == "tagging" else (),
        doc_stride=5,
    )
    if task == "retrieval":
        texts = {"en": sentences(20), "sw": sentences(20, seed=4)}
        made.centers = find_centers(made.vectors, texts, "en")
    return made


@contextlib.contextmanager
def serving_of(
    tasks: Sequence[str], limits: Limits, networks: dict[str, Subnet] | None = None
) -> Iterator[Serving]:
    """A server of these tasks, each under its own name, once it is ready."""
    given = networks or {task: network(task) for task in tasks}
    serving = Serving([Served(n, one, limits) for n, one in given.items()], limits)
    serving.start()
    try:
        for one in serving.models.values():
            one.batcher.ready.result(timeout=120)
        yield serving
    finally:
        serving.close()


@contextlib.asynccontextmanager
async def client_of(
    serving: Serving, notes: list[Noted] | None = None, tokens: Sequence[str] = ()
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application itself, without a network between."""
    counts = Counts([*serving.models.values()])

    def note(request: Noted) -> None:
        counts.note(request)
        if notes is not None:
            notes.append(request)

    app = make_front(make_app(serving, counts), serving, Access(tokens), note)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as one:
        yield one


def asked(serving: Serving, ask: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    """What a client is told, from beginning to end."""

    async def run() -> Any:
        async with client_of(serving) as client:
            return await ask(client)

    return asyncio.run(run())


def post(serving: Serving, content: Any, path: str = "/predict") -> httpx.Response:
    """The answer to one request; bytes are sent as they are."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return asked(serving, lambda client: client.post(path, content=raw))


def get(serving: Serving, path: str) -> httpx.Response:
    return asked(serving, lambda client: client.get(path))
