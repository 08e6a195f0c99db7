"""Rows of all clients, gathered into batches: the one thread that a model runs in.

A batch begins when its first row has waited long enough, or when enough rows are there;
while one runs the next ones gather by themselves. Rows that are padded to the same
length run together, in the shapes that `Subnet.predict` has.

References:
    Crankshaw et al., "Clipper: a low-latency online prediction serving system", 2017.
    https://www.usenix.org/conference/nsdi17/technical-sessions/presentation/crankshaw
    Yu et al., "Orca: a distributed serving system for transformer-based generative
    models", 2022. https://www.usenix.org/conference/osdi22/presentation/yu
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import NamedTuple

from xlnas_jax.data.tokens.tokenizer import Encoding
from xlnas_jax.export.predicting.asked import Asked, Logits
from xlnas_jax.export.predicting.chunks import padded_rows, plan_chunks
from xlnas_jax.serve.limits import Limits
from xlnas_jax.types import CheckpointError

# So many batches' rows are looked at together, to find some of one length.
AHEAD = 4
# What the last batches took counts for so much in what the next ones will.
_KEPT = 0.8

Run = Callable[[Sequence[Encoding], str | None], list[Logits]]
"""From rows and a language that has its own output layer, or None, to logits."""


class Ran(NamedTuple):
    """One batch, as it is counted: real rows, rows of the array, seconds."""

    rows: int
    size: int
    seconds: float


class Work:
    """One request: its rows, and what is known of them.

    Attributes:
        future: the logits of all rows, in their order; cancelled where nobody waits
            for them any more.
    """

    def __init__(self, asked: Asked, route: str | None) -> None:
        self.asked = asked
        self.route = route
        self.arrived = time.monotonic()
        self.future: Future[list[Logits]] = Future()
        self._found: dict[int, Logits] = {}
        self.is_over()

    def is_over(self) -> bool:
        """Whether nothing of it is to be run."""
        if not self.asked.encodings and not self.future.done():
            self.future.set_result([])
        return self.future.done()

    def tell(self, place: int, logits: Logits) -> None:
        """Takes what was found of one row."""
        self._found[place] = logits
        if len(self._found) == len(self.asked.encodings):
            rows = [self._found[n] for n in range(len(self._found))]
            self._settle(lambda: self.future.set_result(rows))

    def fail(self, error: Exception) -> None:
        """None of its rows is of use any more."""
        self._settle(lambda: self.future.set_exception(error))

    def _settle(self, settle: Callable[[], None]) -> None:
        # Whoever waited may have gone in this very instant.
        if not self.future.done():
            with contextlib.suppress(InvalidStateError):
                settle()


class _Row(NamedTuple):
    work: Work
    place: int

    @property
    def encoding(self) -> Encoding:
        return self.work.asked.encodings[self.place]


class Batcher:
    """Runs rows in a thread of its own, from `start` to `close`.

    Args:
        warm_up: what compiles all that will be run; called first, in that thread.
        note: told of every batch.
    """

    def __init__(
        self,
        run: Run,
        warm_up: Callable[[], None],
        limits: Limits,
        max_length: int,
        name: str,
        note: Callable[[Ran], None],
    ) -> None:
        self._run, self._warm_up, self._note = run, warm_up, note
        self._limits, self._max_length = limits, max_length
        self._changed = threading.Condition()
        self._waiting: deque[_Row] = deque()
        self._is_closed = False
        self._row_s = 0.0
        self.ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._work, name=f"device of {name}", daemon=True
        )

    def start(self) -> None:
        """Begins to warm up, and then to run."""
        self._thread.start()

    def close(self) -> None:
        """Runs what is waiting, and ends the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def put(self, work: Work) -> None:
        """Takes the rows of a request."""
        with self._changed:
            self._waiting += [_Row(work, n) for n in range(len(work.asked.encodings))]
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Rows that no batch has taken yet."""
        return len(self._waiting)

    def seconds_for(self, rows: int) -> float:
        """What so many would take, by those that ran last."""
        return rows * self._row_s

    def _work(self) -> None:
        try:
            self._warm_up()
        except Exception as error:  # told to whoever waits for it
            self.ready.set_exception(error)
            return
        self.ready.set_result(None)
        while rows := self._gather():
            self._run_all(rows)

    def _gather(self) -> list[_Row]:
        """What runs next; nothing once the batcher is closed and all is done."""
        size = self._limits.batch_size
        with self._changed:
            while True:
                while not self._waiting:
                    if self._is_closed:
                        return []
                    self._changed.wait()
                until = self._waiting[0].work.arrived + self._limits.max_wait_ms / 1000
                while len(self._waiting) < size and not self._is_closed:
                    left = until - time.monotonic()
                    if left <= 0:
                        break
                    self._changed.wait(left)
                count = min(len(self._waiting), AHEAD * size)
                taken = [self._waiting.popleft() for _ in range(count)]
                if rows := [row for row in taken if not row.work.is_over()]:
                    return rows

    def _run_all(self, rows: list[_Row]) -> None:
        """Runs them by route and length, the shortest first."""
        for route in dict.fromkeys(row.work.route for row in rows):
            own = [row for row in rows if row.work.route == route]
            lengths = [len(row.encoding.ids) for row in own]
            plan = plan_chunks(lengths, self._limits.batch_size, self._max_length)
            for chunk in plan:
                part = [own[n] for n in chunk.rows if not own[n].work.is_over()]
                if part:
                    self._run_batch(part, route)

    def _run_batch(self, rows: list[_Row], route: str | None) -> None:
        start = time.monotonic()
        try:
            found = self._run([row.encoding for row in rows], route)
        except CheckpointError as error:
            self._find_fault(rows, route, error)
            return
        except Exception as error:  # the thread lives on: others wait for it
            for row in rows:
                row.work.fail(error)
            return
        seconds = time.monotonic() - start
        for row, logits in zip(rows, found, strict=True):
            row.work.tell(row.place, logits)
        known = self._row_s or seconds / len(rows)
        self._row_s = _KEPT * known + (1 - _KEPT) * seconds / len(rows)
        self._note(Ran(len(rows), padded_rows(len(rows)), seconds))

    def _find_fault(
        self, rows: list[_Row], route: str | None, error: CheckpointError
    ) -> None:
        """Runs each request alone: scores that are no numbers are one's own."""
        works = list(dict.fromkeys(row.work for row in rows))
        if len(works) == 1:
            works[0].fail(error)
            return
        for work in works:
            self._run_batch([row for row in rows if row.work is work], route)
