import itertools
import json

import pytest

from benchmarks import harness


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(harness, "time", clock)
    return clock


def taking(clock: Clock, seconds: list[float]):
    """A function whose calls take these times."""
    times = iter(seconds)

    def function() -> None:
        clock.now += next(times)

    return function


def test_each_function_gets_its_own_times_without_the_warm_up(clock):
    functions = {
        "slow": taking(clock, [100.0, 4.0, 6.0]),
        "fast": taking(clock, [200.0, 1.0, 2.0]),
    }
    found = harness.interleaved(functions, repeats=2)
    assert found == {"slow": [4.0, 6.0], "fast": [1.0, 2.0]}


def test_the_order_rotates_with_every_repeat():
    calls: list[str] = []
    functions = {name: lambda name=name: calls.append(name) for name in "abc"}
    harness.interleaved(functions, repeats=4, warm_up=0)
    assert "".join(calls) == "abcbcacababc"


def test_ratios_pair_what_was_run_together():
    # The ratio of the medians would be 3 / 2.
    assert harness.ratios([1.0, 10.0, 3.0], [1.0, 2.0, 6.0]) == {
        "median": 1.0,
        "min": 0.5,
        "max": 5.0,
        "repeats": 3,
    }


def test_ratios_need_as_many_runs_of_both():
    with pytest.raises(ValueError, match="shorter"):
        harness.ratios([1.0, 2.0], [1.0])


def test_the_peak_is_that_of_the_best_product(monkeypatch):
    ticks = itertools.count()
    ticking = type("Ticking", (), {"perf_counter": lambda: float(next(ticks))})
    monkeypatch.setattr(harness, "time", ticking)
    monkeypatch.setattr(harness, "PEAK_SHAPES", ((2, 3, 4), (4, 5, 6)))
    # Every product takes one tick, so the largest one reaches most.
    assert harness.matmul_peak() == 2 * 4 * 5 * 6


def test_a_result_is_written_with_its_question_and_environment(tmp_path, capsys):
    file = tmp_path / "found.json"
    harness.write(file, "How fast?", "python it.py", {"seconds": 1.5})
    harness.write(None, "How fast?", "python it.py", {"seconds": 1.5})
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found == json.loads(capsys.readouterr().out)
    assert list(found) == ["question", "command", "environment", "seconds"]
    assert found["environment"]["packages"]["jax"]
