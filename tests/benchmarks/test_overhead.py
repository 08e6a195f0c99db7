"""A round's time is shared out among its parts, and none of it is lost."""

import importlib
import pathlib

import pytest

from xlnas_jax.types import ConfigError

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def overhead():
    yield importlib.import_module("benchmarks.speed.overhead")


class Time:
    """Passes only when told to."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


def test_every_second_of_a_round_belongs_to_a_part(overhead, monkeypatch):
    time = Time()
    monkeypatch.setattr(overhead, "time", time)
    clock = overhead.Clock()

    def take(seconds: float) -> None:
        time.now += seconds

    for learned in (6.0, 5.0):
        clock.begin()
        clock.timed("learn", take)(learned)
        clock.timed("evaluate", take)(3.0)
        take(0.5)
        clock.timed("log", take)(0.25)
        clock.timed("log", take)(0.25)
    clock.begin()
    first, second = clock.finished()
    assert first == {"learn": 6.0, "evaluate": 3.0, "log": 0.5, "round": 10.0}
    assert second["round"] == 9.0
    found = overhead.describe([first])
    assert found["overhead_share"]["median"] == pytest.approx(0.1)
    assert found["part_seconds"]["anything else"] == pytest.approx(0.5)
    assert not found["bars"][0]["is_reached"]


@pytest.mark.slow
def test_a_tiny_search_is_shared_out_by_the_real_runner(overhead):
    settings = [overhead.NO_WARM_UP, *overhead.QUICK, "search.rounds=3"]
    settings.append("search.weight_steps=0")  # nothing to train, less to compile
    first, *later = overhead.run_rounds("configs/quickstart_scratch.yaml", settings)
    assert len(later) == 2
    names = {"learn", "evaluate", "checkpoint", "tell", "propose", "judge", "insert"}
    for spent in (first, *later):
        parts = {name: value for name, value in spent.items() if name != "round"}
        assert names <= set(parts)
        assert 0 < sum(parts.values()) <= spent["round"]
    assert "log" in later[0]
    assert first["evaluate"] > later[0]["evaluate"]  # which compiled nothing


def test_the_runner_is_as_before_after_it(overhead):
    before = overhead.rounds.step, overhead.rounds.Checkpoints.save
    with pytest.raises(ConfigError):
        overhead.run_rounds("configs/quickstart_scratch.yaml", ["search.rounds=0"])
    assert (overhead.rounds.step, overhead.rounds.Checkpoints.save) == before
