"""Rows of many requests run in few batches, and each request gets its own back."""

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from xlnas_jax.data.tokens.tokenizer import Encoding
from xlnas_jax.export.predicting.asked import Asked, Logits
from xlnas_jax.serve.batcher import Batcher, Ran, Work
from xlnas_jax.serve.limits import Limits
from xlnas_jax.types import CheckpointError

LIMITS = Limits(batch_size=4, max_wait_ms=20.0)
PATIENT = Limits(batch_size=4, max_wait_ms=1000.0)
LONG = 20


def work(*ids: int, length: int = 3, route: str | None = None) -> Work:
    """A request of a row for each id."""
    rows = [Encoding([one] * length, [0] * length) for one in ids]
    return Work(Asked(rows, [1] * len(rows), lambda *_: None, route), route)


class Device:
    """In the place of a network: says each row's id, and fails where it is told to."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.batches: list[tuple[list[int], str | None]] = []
        self.ran: list[Ran] = []
        self.bad: set[int] = set()
        self.free = threading.Event()
        self.free.set()
        none = [lambda: None, limits, 64, "test", self.ran.append]
        self.batcher = Batcher(self._run, *none)

    def _run(self, rows: Sequence[Encoding], route: str | None) -> list[Logits]:
        self.free.wait()
        ids = [row.ids[0] for row in rows]
        self.batches.append((ids, route))
        if self.bad & {*ids}:
            raise CheckpointError("a weight overflows")
        return [np.asarray(float(one)) for one in ids]


@pytest.fixture
def device() -> Iterator[Device]:
    made = Device()
    yield made
    made.free.set()
    made.batcher.close()


def results(*works: Work) -> list[list[float]]:
    return [[float(row) for row in one.future.result(timeout=10)] for one in works]


def test_requests_that_come_together_share_a_batch(device: Device) -> None:
    works = [work(1, 2), work(3), work(4)]
    for one in works:
        device.batcher.put(one)
    device.batcher.start()
    assert results(*works) == [[1, 2], [3], [4]]
    assert device.batches == [([1, 2, 3, 4], None)]
    assert [(one.rows, one.size) for one in device.ran] == [(4, 4)]


def test_rows_of_one_length_and_language_run_together(device: Device) -> None:
    works = [
        work(1, length=LONG),
        work(2),
        work(3, route="sw"),
        work(4, length=LONG),
        work(5),
    ]
    for one in works:
        device.batcher.put(one)
    device.batcher.start()
    assert results(*works) == [[1], [2], [3], [4], [5]]
    assert device.batches == [([2, 5], None), ([1, 4], None), ([3], "sw")]


def test_a_full_batch_waits_for_nothing_and_a_lone_text_not_for_long() -> None:
    made = Device(PATIENT)
    made.batcher.start()
    start = time.monotonic()
    made.batcher.put(full := work(1, 2, 3, 4))
    results(full)
    assert time.monotonic() - start < PATIENT.max_wait_ms / 1000
    made.batcher.put(alone := work(5))
    results(alone)
    assert time.monotonic() - start > PATIENT.max_wait_ms / 1000
    made.batcher.close()


def test_what_nobody_waits_for_is_not_run(device: Device) -> None:
    device.free.clear()
    device.batcher.start()
    device.batcher.put(first := work(1))
    while device.batcher.waiting:  # until the thread has it
        time.sleep(0.001)
    device.batcher.put(gone := work(2))
    device.batcher.put(kept := work(3))
    assert device.batcher.waiting == 2
    assert gone.future.cancel()
    device.free.set()
    assert results(first, kept) == [[1], [3]]
    assert device.batches == [([1], None), ([3], None)]


def test_a_fault_is_that_of_its_own_request_alone(device: Device) -> None:
    device.bad = {2}
    works = [work(1), work(2), work(3)]
    for one in works:
        device.batcher.put(one)
    device.batcher.start()
    assert results(works[0], works[2]) == [[1], [3]]
    with pytest.raises(CheckpointError, match="overflows"):
        works[1].future.result(timeout=10)
    device.batcher.put(later := work(4))
    assert results(later) == [[4]]


def test_a_batcher_that_is_closed_has_run_what_it_had_taken(device: Device) -> None:
    works = [work(n) for n in range(20)]
    for one in works:
        device.batcher.put(one)
    device.batcher.start()
    device.batcher.close()
    assert results(*works) == [[n] for n in range(20)]


def test_a_warm_up_that_fails_is_told_and_nothing_runs() -> None:
    def warm_up() -> None:
        raise CheckpointError("the weights overflow")

    made = Batcher(lambda *_: [], warm_up, LIMITS, 64, "test", lambda _: None)
    made.start()
    assert isinstance(made.ready.exception(timeout=10), CheckpointError)
    made.close()


def test_a_request_without_rows_is_answered_at_once() -> None:
    assert results(work()) == [[]]
