"""The deceptive landscape is what it says, and the benchmark counts who arrives."""

import importlib
import itertools
import json
import sys

import numpy as np
import pytest
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from xlnas_jax.config.search import EscapeConfig


@pytest.fixture(scope="module")
def modules():
    names = ("deceptive", "escape")
    return {n: importlib.import_module(f"benchmarks.search.{n}") for n in names}


@pytest.fixture(scope="module")
def problem(modules):
    return modules["deceptive"].make_deceptive()


def drawn(problem, num: int) -> np.ndarray:
    """Networks of every size, with heads and inner width more or less alike."""
    rng = np.random.default_rng(0)
    chance = np.concatenate([rng.random((num, 1)), rng.random((num, 1))])
    return rng.binomial(3, chance, (2 * num, 24)).astype(np.int32)


def rows_of(problem, steps: np.ndarray) -> np.ndarray:
    space = problem.costs.space
    rows = np.zeros((len(steps), len(space.num_choices)), np.int32)
    rows[:, space.columns("heads").start : space.columns("ffn").stop] = steps
    return rows


def test_every_step_costs_the_same(problem, modules):
    rows = rows_of(problem, drawn(problem, 200))
    sizes = modules["deceptive"].steps_of(problem.costs.space, rows)
    assert len(np.unique(sizes)) > 60
    np.testing.assert_array_equal(problem.costs(rows)["flops"], problem.flops(sizes))


def test_no_network_is_better_than_the_front_says(problem):
    rows = rows_of(problem, drawn(problem, 5000))
    points = np.stack([problem.error(rows), problem.costs(rows)["flops"]], -1)
    better = (points[:, None] <= problem.front[None]).all(-1)
    assert not (better & (points[:, None] < problem.front[None]).any(-1)).any()


def test_the_front_is_that_of_every_network_of_few_layers(modules, monkeypatch):
    # The same closed form at a size that can be enumerated: 4**6 networks.
    deceptive = modules["deceptive"]
    for name, value in (
        ("LAYERS", 3),
        ("SIZES", 18),
        ("CHEAP", 4),
        ("EDGE", 13),
        ("BEST", 16),
        ("MOST", 17),
    ):
        monkeypatch.setattr(deceptive, name, value)
    small = deceptive.make_deceptive()
    space = small.costs.space
    every = np.asarray(list(itertools.product(range(4), repeat=6)), np.int32)
    rows = np.zeros((len(every), len(space.num_choices)), np.int32)
    rows[:, 3:9] = every
    points = np.stack([small.error(rows), small.costs(rows)["flops"]], -1)
    is_best = NonDominatedSorting().do(points, only_non_dominated_front=True)
    expected = np.unique(points[is_best], axis=0)
    np.testing.assert_allclose(np.unique(small.front, axis=0), expected)


def test_the_valley_is_worse_than_both_sides_and_the_far_side_is_the_best(problem):
    sizes = np.arange(70)
    space = problem.costs.space
    errors = {}
    for size in sizes:
        steps = np.zeros((1, 24), np.int32)
        for step in range(size):  # heads and inner width of a layer in turn
            steps[0, [step // 2 % 12, 12 + step // 2 % 12][step % 2]] += 1
        errors[size] = float(problem.error(rows_of(problem, steps))[0])
    assert min(errors, key=errors.get) == 66
    assert min(errors[n] for n in range(19, 58)) > problem.cheap_optimum
    assert problem.cheap_optimum - problem.optimum > 0.3
    assert space.size == 4**24


def test_runs_are_repeatable_and_differ_by_seed(modules, problem):
    escape = modules["escape"]
    run = escape.make_run(problem, escape.STRATEGIES["nsga2"], EscapeConfig(), 4, 8)
    first, again, other = run(0), run(0), run(1)
    assert first == again
    assert first.volumes != other.volumes
    assert all(0 <= v <= 1 for v in first.volumes)
    assert first.errors == sorted(first.errors, reverse=True)


def test_who_arrives_is_counted_by_pairs(modules, problem):
    escape = modules["escape"]
    near, far = problem.optimum + 0.01, problem.cheap_optimum

    def runs(arrivals: str) -> list:
        return [
            escape.Run([far, near if a == "x" else far], [0.5, 0.5], [])
            for a in arrivals
        ]

    found = escape.compared(
        problem, {"with": runs("xxxxx.."), "without": runs("x....x.")}
    )
    assert (found["arms"]["with"]["arrived"], found["arms"]["without"]["arrived"]) == (
        5,
        2,
    )
    assert found["arms"]["with"]["rounds_until"] == [2] * 5 + [None] * 2
    assert (found["arrived_only_with"], found["arrived_only_without"]) == (4, 1)
    # Two-sided, five pairs that differ: (1 + 5) of 32 outcomes, twice.
    assert found["p"] == pytest.approx(0.375)
    same = escape.compared(problem, {"with": runs(".."), "without": runs("..")})
    assert same["p"] == 1.0
    assert same["arms"]["with"]["median_rounds_until"] is None


def test_a_quick_run_writes_what_the_tables_show(modules, tmp_path, monkeypatch):
    out = tmp_path / "escape.json"
    monkeypatch.setattr(
        sys,
        "argv",
        ["escape.py", "--quick", "--strategies", "random", "--out", str(out)],
    )
    modules["escape"].main()
    found = json.loads(out.read_text())
    assert found["strategies"]["random"]["arms"]["with"]["arrived"] in range(3)
    assert len(found["strategies"]["random"]["arms"]["without"]["error_curve"]) == 3
