"""Searches of a table with parts of its space, by distances real and false."""

import json

import numpy as np
import pytest

from benchmarks.search import adaptive
from benchmarks.search.tabular import make_problem, make_runner
from benchmarks.table import load
from xlnas_jax.config.controller import RandomController
from xlnas_jax.space.bounds import is_within


@pytest.fixture(scope="module")
def problem():
    return make_problem(load("sib200_minilm.npz"), limit=adaptive.LIMIT, seen=("sw",))


def test_only_the_part_that_a_distance_leaves_is_evaluated(problem) -> None:
    adapt = adaptive.make_adapt(problem, 0.7, 2.0)
    bounds = adapt.init().bounds
    run = make_runner(problem, RandomController(), 30, 10, adapt=adapt)
    rows = problem.rows[run(0)]
    assert len(rows) == 30
    assert is_within(problem.costs.space, rows, bounds).all()
    # Of a far language small choices are left out.
    assert bounds.low.sum() > adaptive.make_adapt(problem, 0.1, 2.0).init().low.sum()


def test_evaluations_are_counted_until_one_is_good_enough(problem) -> None:
    errors = problem.objectives[:, 0]
    best = int(np.where(problem.fits, errors, 1.0).argmin())
    far = np.flatnonzero(problem.fits & (errors > 1.2 * problem.best))[:4]
    met = np.asarray([*far, best])
    assert adaptive.until_enough(problem, met, 20) == 5
    assert adaptive.until_enough(problem, far, 20) == 21
    # One that breaks the limit does not count, however good it is.
    above = np.flatnonzero(~problem.fits & (errors <= problem.best))[:1]
    assert adaptive.until_enough(problem, np.asarray([*above, *far]), 20) == 21


def test_controls_are_other_distances() -> None:
    distances = {"de": 0.4, "sw": 0.6, "fr": 0.5}
    assert adaptive.others("adaptive", "sw", distances) == [0.6]
    assert adaptive.others("reversed", "sw", distances) == [pytest.approx(0.4)]
    assert adaptive.others("shuffled", "sw", distances) == [0.4, 0.5]


@pytest.mark.slow
def test_spaces_are_compared_in_pairs(tmp_path, monkeypatch) -> None:
    out = tmp_path / "adaptive.json"
    options = ["--quick", "--strategies", "random", "--sensitivity", "2"]
    monkeypatch.setattr("sys.argv", ["adaptive", *options, "--out", str(out)])
    adaptive.main()
    (found,) = json.loads(out.read_text())["searches"].values()
    assert set(found["evaluations"]) == set(adaptive.SPACES)
    for name, one in found["adaptive_less"].items():
        difference = found["evaluations"]["adaptive"] - found["evaluations"][name]
        assert one["mean"] == pytest.approx(difference)
        assert one["low"] <= one["mean"] <= one["high"]
