"""Parts follow each other, and together they are all of the time."""

import pytest

from xlnas_jax.terminal import stopwatch
from xlnas_jax.terminal.stopwatch import Stopwatch


def test_a_part_lasts_until_the_next_begins(monkeypatch) -> None:
    now = [10.0]
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: now[0])
    watch = Stopwatch()
    for part, at in (("front", 11.0), ("report", 14.0), ("front", 14.5)):
        now[0] = at
        watch.begin(part)
    now[0] = 16.0
    assert watch.parts() == {"front": pytest.approx(4.5), "report": pytest.approx(0.5)}
    assert watch.total() == pytest.approx(6.0)


def test_nothing_has_begun_at_first() -> None:
    watch = Stopwatch()
    assert watch.parts() == {}
    assert watch.total() >= 0.0
