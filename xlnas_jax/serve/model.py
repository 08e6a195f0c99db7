"""A model that is served: who may ask it, and what becomes of a request."""

import asyncio
import functools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from xlnas_jax.data.tokens.tokenizer import Encoding
from xlnas_jax.export.artifact.hub import find
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.monitored import Reference, observe_all, read_reference
from xlnas_jax.export.predicting.asked import Asked, Logits
from xlnas_jax.export.predicting.chunks import padded_length
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.serve.batcher import Batcher, Ran, Work
from xlnas_jax.serve.drift import Drift, Observed
from xlnas_jax.serve.limits import Limits, Refused

# Seconds after which one may ask again, at least and at most.
SOONEST, LATEST = 1, 60


def _nothing(_: Any) -> None:
    """What is done where nobody counts."""


class Served:
    """One model, with a thread that runs it and one that reads and writes its texts.

    A tokenizer belongs to one thread: it is told how to cut before each call.

    Attributes:
        accepted: texts that were taken and are not yet answered.
        drift: how far texts are from those of the model's run; None of a model that
            was exported without what they are held against.
    """

    def __init__(
        self,
        name: str,
        subnet: Subnet,
        limits: Limits,
        reference: Reference | None = None,
    ) -> None:
        self.name, self.subnet, self.limits = name, subnet, limits
        self.accepted = 0
        self.note_batch: Callable[[Ran], None] = _nothing
        self.note_texts: Callable[[Sequence[Observed]], None] = _nothing
        self.drift = None if reference is None else Drift(reference)
        self._reader = ThreadPoolExecutor(1, f"texts of {name}")
        self.batcher = Batcher(
            self._run,
            self._warm_up,
            limits,
            subnet.max_length,
            name,
            lambda ran: self.note_batch(ran),
        )

    @property
    def is_ready(self) -> bool:
        """Whether everything that it will run is compiled."""
        ready = self.batcher.ready
        return ready.done() and ready.exception() is None

    def close(self) -> None:
        """Answers what was accepted, and ends both threads."""
        self.batcher.close()
        self._reader.shutdown(cancel_futures=True)

    async def predict(
        self,
        ask: Callable[[Subnet], Asked],
        write: Callable[[list[Any]], bytes],
        texts: Sequence[Any],
        deadline_s: float,
        started: float,
    ) -> bytes:
        """Predictions of one request's texts, in their order, as they are sent.

        Args:
            ask, write: make token ids of the texts, and an answer of what is
                predicted; called in the thread of texts.
            deadline_s: from `started` on, a time of `time.monotonic`.

        Raises:
            Refused: there is no room, or no time.
            XlnasError: a text is not what the model takes, or it overflows there.
        """
        self._require_ready()
        num_texts = len(texts)
        self._require_room(num_texts)
        self.accepted += num_texts
        try:
            async with asyncio.timeout(deadline_s - (time.monotonic() - started)):
                return await self._predict(ask, write, texts)
        except TimeoutError:
            raise Refused(
                504,
                f"deadline: a request must be answered within {deadline_s * 1000:,.0f} "
                f"ms; {self.name} was not done by then. Send fewer texts at once, or "
                f"ask for more time, up to {self.limits.deadline_ms:,} ms.",
            ) from None
        finally:
            self.accepted -= num_texts

    async def _predict(
        self,
        ask: Callable[[Subnet], Asked],
        write: Callable[[list[Any]], bytes],
        texts: Sequence[Any],
    ) -> bytes:
        loop = asyncio.get_running_loop()
        asked = await loop.run_in_executor(self._reader, ask, self.subnet)
        work = Work(asked, self._route(asked.language))
        self.batcher.put(work)
        # Cancelled with this task, so that what nobody waits for is not run.
        rows = await asyncio.wrap_future(work.future)
        answer = functools.partial(self._answer, asked, rows, write, texts)
        return await loop.run_in_executor(self._reader, answer)

    def _answer(
        self,
        asked: Asked,
        rows: list[Logits],
        write: Callable[[list[Any]], bytes],
        texts: Sequence[Any],
    ) -> bytes:
        found = asked.answers(rows)
        if self.drift is not None:
            unk_id = self.subnet.tokenizer.unk_id
            observed = observe_all(texts, asked, found, unk_id)
            self.drift.note(observed)
            self.note_texts(observed)
        return write(found)

    def _require_ready(self) -> None:
        if not self.is_ready:
            raise Refused(
                503,
                f"{self.name}: must have compiled its programs before it is asked; it "
                f"is still at it. Wait until /v2/health/ready says so.",
                SOONEST,
            )

    def _require_room(self, num_texts: int) -> None:
        if num_texts > self.limits.max_texts:
            raise Refused(
                413,
                f"texts: a request must have at most {self.limits.max_texts:,}; got "
                f"{num_texts:,}. Send them in several requests.",
            )
        if self.accepted + num_texts > self.limits.max_queue:
            seconds = math.ceil(self.batcher.seconds_for(self.accepted))
            raise Refused(
                429,
                f"queue: {self.name} takes {self.limits.max_queue:,} texts at a time; "
                f"{self.accepted:,} are not answered yet, and these would be "
                f"{num_texts:,} more. Send them again later.",
                min(max(seconds, SOONEST), LATEST),
            )

    def _route(self, language: str | None) -> str | None:
        """The language, where it has an output layer of its own."""
        return None if self.subnet.route(language) < 0 else language

    def _run(self, rows: Sequence[Encoding], route: str | None) -> list[Logits]:
        asked = Asked(rows, (), lambda *_: None, route)
        return self.subnet.run(asked, self.limits.batch_size)

    def _warm_up(self) -> None:
        """Compiles every shape that a batch can have, by running one of each."""
        (known,) = self.subnet.tokenizer.encode(["a"])
        routes = [None, *self.subnet.own_heads[:1]]
        for route in routes:
            for length in lengths_of(self.subnet.max_length):
                ids = [*known.ids, *[known.ids[-1]] * length][:length]
                row = Encoding(ids, [0] * length)
                size = self.limits.batch_size
                while size:
                    self._run([row] * size, route)
                    size //= 2


def lengths_of(max_length: int) -> list[int]:
    """Every padded length that a row can have."""
    return sorted({padded_length(n, max_length) for n in range(1, max_length + 1)})


def load_models(models: Iterable[tuple[str, Path]], limits: Limits) -> list[Served]:
    """Reads exported models.

    Raises:
        CheckpointError: one is none.
    """
    found = [(name, find(path)) for name, path in models]
    return [
        Served(name, load(path), limits, read_reference(path)) for name, path in found
    ]
