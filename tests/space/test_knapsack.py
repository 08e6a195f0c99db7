"""The knapsack's solution is that of trying everything."""

import itertools

import numpy as np
import pytest

from xlnas_jax.space import knapsack
from xlnas_jax.space.knapsack import Knapsack, solve

# Scores of some size, added up in another order.
TOLERANCE = 1e-9


def make_problem(seed: int, scores: str) -> Knapsack:
    rng = np.random.default_rng(seed)
    groups, choices, num_costs = 4, 6, int(rng.integers(1, 5))
    drawn = {
        "continuous": rng.normal(size=(groups, choices)),
        "tied": rng.integers(0, 3, (groups, choices)).astype(float),
        "equal": np.zeros((groups, choices)),
    }[scores]
    costs = rng.integers(-3, 20, (choices, num_costs))
    budget = rng.integers(0, 60, num_costs)
    return Knapsack(drawn, costs, budget)


def best_of_all(problem: Knapsack) -> float:
    groups, choices = problem.scores.shape
    every = np.asarray(list(itertools.product(range(choices), repeat=groups)))
    cost = problem.costs[every].sum(1)
    score = problem.scores[np.arange(groups), every].sum(1)
    score = score[(cost <= problem.budget).all(-1)]
    return score.max() if len(score) else -np.inf


@pytest.mark.parametrize("scores", ["continuous", "tied", "equal"])
@pytest.mark.parametrize("beam", [1, 8, 10_000])
def test_solutions_are_the_best_of_all(scores, beam, monkeypatch):
    monkeypatch.setattr(knapsack, "BEAM", beam)
    outcomes = set()
    for seed in range(60):
        problem = make_problem(seed, scores)
        expected, found = best_of_all(problem), solve(problem)
        outcomes.add(found is None)
        if found is None:
            assert expected == -np.inf
            continue
        assert found.score == pytest.approx(expected, abs=TOLERANCE)
        assert (problem.costs[found.choices].sum(0) <= problem.budget).all()
        own = problem.scores[np.arange(len(problem.scores)), found.choices].sum()
        assert found.score == pytest.approx(own, abs=TOLERANCE)
    assert outcomes == {True, False}, "some problems must have no solution"


def test_nothing_above_the_floor_is_none():
    problem = make_problem(3, "continuous")
    found = solve(problem)
    assert found is not None
    assert solve(problem, found.score) is None
    again = solve(problem, found.score - 1e-6)
    assert again is not None and again.score == found.score
