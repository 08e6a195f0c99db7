"""Twenty thousand requests: none lost, none mixed up, and no memory kept of them."""

import asyncio
import itertools
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from tests.serve.addresses.test_predict import (
    BATCH_TOLERANCE,
    columns,
    expected,
    flat,
)
from tests.serve.models import HEADS, sentences, serving_of
from tests.serve.test_body import sent_back
from xlnas_jax.serve.access import Access
from xlnas_jax.serve.app import make_app
from xlnas_jax.serve.front import make_front
from xlnas_jax.serve.limits import Limits
from xlnas_jax.serve.metrics import Counts
from xlnas_jax.serve.serving import Serving

NUM, CLIENTS, POOL = 20_000, 64, 40
# What caches of allocators may take between a quarter of the way and its end.
GROWTH_BYTES = 64 << 20


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def is_alike(found: Any, wanted: Any) -> bool:
    """Equal but for rounding; quicker than NumPy on so little."""
    ours: list[float] = []
    theirs: list[float] = []
    if flat(found, ours) != flat(wanted, theirs):
        return False
    return all(abs(a - b) < BATCH_TOLERANCE for a, b in zip(ours, theirs, strict=True))


@pytest.mark.slow
def test_requests_of_mixed_sizes_are_each_answered_once() -> None:
    texts = sentences(POOL, seed=5, least=1)
    answers = {task: expected(task, columns(task, texts)) for task in HEADS}
    rng = random.Random(0)
    numbers = itertools.count()
    held: list[int] = []
    done: list[int] = []

    async def one_client(app: ASGIApp) -> None:
        while (number := next(numbers)) < NUM:
            task = rng.choice([*HEADS])
            chosen = rng.sample(range(POOL), rng.choice((1, 1, 2, 3, 8)))
            given = columns(task, [texts[n] for n in chosen])
            body = json.dumps({"model": task, **given}).encode()
            pieces = [{"type": "http.request", "body": body}]
            status, found = await sent_back(app, pieces)
            assert status["status"] == 200
            predictions = json.loads(found["body"])["predictions"]
            assert is_alike(predictions, [answers[task][n] for n in chosen])
            done.append(number)
            if number in (NUM // 4, NUM - 1):
                held.append(resident_bytes())

    async def ask(serving: Serving) -> None:
        inner = make_app(serving, Counts([*serving.models.values()]))
        app = make_front(inner, serving, Access([]), lambda _: None)
        await asyncio.gather(*(one_client(app) for _ in range(CLIENTS)))

    with serving_of([*HEADS], Limits(batch_size=32)) as serving:
        asyncio.run(ask(serving))
        assert all(one.accepted == 0 for one in serving.models.values())
    assert sorted(done) == list(range(NUM))
    assert held[1] - held[0] < GROWTH_BYTES
