"""The best choice in every group whose summed costs stay within budgets, exactly.

The multiple-choice knapsack with several budgets, by dynamic programming over the
groups. A label is the score and the costs of some choices in the groups so far; only
labels that can still become the best are kept:

- none that another of at least its score costs no more than in everything;
- none that the cheapest rest would carry over a budget;
- none whose bound is below a solution that is known already. The bound is that of the
  Lagrangian relaxation; its multipliers, the shadow prices of the budgets, come from
  the linear relaxation, but any would give a valid bound.

A first pass that keeps few labels finds the solution to hold the others against.

References:
    Kellerer, Pferschy and Pisinger, "Knapsack Problems", 2004, chapters 9 and 11.
    https://doi.org/10.1007/978-3-540-24777-7
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

BEAM = 32
# Sums of scores in another order differ by less than this share of their size.
ROUNDING = 1e-11
_BLOCK = 256


class Knapsack(NamedTuple):
    """Scores to be maximised by one choice in every group.

    Attributes:
        scores: finite.
        costs: of the choices, the same in every group.
        budget: for the sum over the groups, of each cost.
    """

    scores: Float[np.ndarray, "group choice"]
    costs: Int[np.ndarray, "choice cost"]
    budget: Int[np.ndarray, " cost"]


class Solution(NamedTuple):
    """The best choices, and the sum of their scores."""

    score: float
    choices: Int[np.ndarray, " group"]


class _Labels(NamedTuple):
    """Partial solutions, with where each came from."""

    score: Float[np.ndarray, " label"]
    cost: Int[np.ndarray, "label cost"]
    parent: Int[np.ndarray, " label"]
    choice: Int[np.ndarray, " label"]

    def take(self, rows: np.ndarray) -> "_Labels":
        return _Labels(*(part[rows] for part in self))


def solve(problem: Knapsack, floor: float = -np.inf) -> Solution | None:
    """The best solution, or None where none is within the budgets and above `floor`."""
    free = problem.scores.argmax(-1)
    if (problem.costs[free].sum(0) <= problem.budget).all():
        score = float(problem.scores.max(-1).sum())
        return Solution(score, free) if score > floor else None
    prices = _shadow_prices(problem)
    first, is_exact = _run(problem, prices, floor, BEAM)
    if is_exact:
        return first
    best = floor if first is None else first.score
    return _run(problem, prices, best, None)[0] or first


def _run(
    problem: Knapsack,
    prices: Float[np.ndarray, " cost"],
    floor: float,
    beam: int | None,
) -> tuple[Solution | None, bool]:
    """The best above `floor`, and whether no label was left out for `beam`."""
    scores, costs, budget = problem
    reduced = scores - (costs @ prices)[None]
    bounds = _after(reduced.max(-1)) + prices @ budget
    groups = len(scores)
    least, most = costs.min(0), costs.max(0)
    slack = ROUNDING * (1.0 + np.abs(scores).max(-1).sum() + np.abs(prices @ budget))
    labels = _Labels(*_start(costs.shape[1]))
    path, is_exact = [], True
    for group in range(groups):
        left = groups - group - 1
        labels = _extend(labels, scores[group], costs, budget - left * least)
        value = labels.score - labels.cost @ prices + bounds[group + 1]
        labels = labels.take(value > floor - slack)
        # A budget that can no longer be exceeded tells no labels apart.
        safe = np.maximum(labels.cost, budget - left * most)
        labels = labels._replace(cost=safe)
        labels = labels.take(_nondominated(labels.score, safe))
        if beam is not None and len(labels.score) > beam:
            value = labels.score - labels.cost @ prices
            labels = labels.take(np.sort(np.argsort(-value, kind="stable")[:beam]))
            is_exact = False
        path.append(labels)
    if not len(labels.score) or labels.score.max() <= floor:
        return None, is_exact
    return _trace(path), is_exact


def _start(num_costs: int):
    zero = np.zeros(1, np.int64)
    return np.zeros(1), np.zeros((1, num_costs), np.int64), zero, zero


def _extend(
    labels: _Labels,
    scores: Float[np.ndarray, " choice"],
    costs: Int[np.ndarray, "choice cost"],
    budget: Int[np.ndarray, " cost"],
) -> _Labels:
    """Every label with every choice of a group, within what the rest leaves over."""
    cost = (labels.cost[:, None] + costs[None]).reshape(-1, costs.shape[1])
    score = (labels.score[:, None] + scores[None]).reshape(-1)
    fits = np.flatnonzero((cost <= budget).all(-1))
    parent, choice = np.divmod(fits, len(scores))
    return _Labels(score[fits], cost[fits], parent, choice)


def _after(values: Float[np.ndarray, " group"]) -> Float[np.ndarray, " groups"]:
    """Sums over the groups from each on; the last is of none."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)


def _nondominated(
    score: Float[np.ndarray, " label"], cost: Int[np.ndarray, "label cost"]
) -> Int[np.ndarray, " kept"]:
    """Rows that no other one beats or equals in everything, the best score first."""
    order = np.lexsort((*cost.T[::-1], -score))
    kept = order[:0]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        # Whoever comes before has no lower score.
        block = block[~_beaten(cost[block], cost[kept], is_own=False)]
        block = block[~_beaten(cost[block], cost[block], is_own=True)]
        kept = np.concatenate([kept, block])
    return kept


def _beaten(
    cost: Int[np.ndarray, "row cost"],
    other: Int[np.ndarray, "before cost"],
    is_own: bool,
) -> Bool[np.ndarray, " row"]:
    """True where one of the others, or of those before it, costs no more."""
    is_cheap = np.ones((len(cost), len(other)), bool)
    for column in range(cost.shape[1]):
        is_cheap &= other[None, :, column] <= cost[:, column, None]
    return np.any(np.tril(is_cheap, -1) if is_own else is_cheap, axis=-1)


def _trace(path: list[_Labels]) -> Solution:
    """The choices that led to the best last label."""
    at = int(path[-1].score.argmax())
    score, choices = float(path[-1].score[at]), []
    for labels in reversed(path):
        choices.append(labels.choice[at])
        at = int(labels.parent[at])
    return Solution(score, np.asarray(choices[::-1]))


def _shadow_prices(problem: Knapsack) -> Float[np.ndarray, " cost"]:
    """What one more unit of each budget would be worth, were choices divisible."""
    # Imported late: it takes a quarter of a second, and few runs need it.
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, kron

    scores, costs, budget = problem
    groups, choices = scores.shape
    unit = np.maximum(np.abs(costs).max(0), 1)
    found = linprog(
        -scores.reshape(-1),
        A_ub=np.tile(costs / unit[None], (groups, 1)).T,
        b_ub=budget / unit,
        A_eq=kron(csr_array(np.eye(groups)), np.ones((1, choices))),
        b_eq=np.ones(groups),
        method="highs",
    )
    if found.status != 0:  # nothing fits, which the search itself will find
        return np.zeros(len(budget))
    return np.maximum(-found.ineqlin.marginals, 0.0) / unit
