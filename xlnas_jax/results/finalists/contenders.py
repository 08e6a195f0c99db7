"""Which networks are trained alone: points of the front, and controls beside them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.config.finalists import Control
from xlnas_jax.experiment.budgets import budgets_of
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.finish import Rescore, Scored, within
from xlnas_jax.search.pruners import Pruned, Pruners
from xlnas_jax.search.seeds import STRUCTURES
from xlnas_jax.search.structures import structures
from xlnas_jax.training.reorder import Importance

FOUND = "found"
# What a network is cut from: the weights that the search ends with, or the teacher.
SHARED = "shared"
# Controls that are drawn, all from the same candidates.
DRAWN = ("random", "more_params")
# Those of which there are more than stand for budgets: what is searched or drawn.
SEARCHED = (FOUND, *DRAWN)


class Contender(NamedTuple):
    """A network to be trained alone.

    Attributes:
        kind: `found`, or the control that it is.
        places: what it stands for among its kind: shares of the full network's cost,
            such as `1/4`, objectives of which it is the best, `knee`; `tried` where
            it is none of these after all.
        row: canonical choice indices.
        start: what it is cut from: `shared`, or the pruner that orders the units of
            the full network. ranking: that order.
    """

    kind: str
    places: tuple[str, ...]
    row: Int[np.ndarray, " site"]
    start: str = SHARED
    ranking: Importance | None = None

    def name(self, experiment: Experiment) -> str:
        """The same network of the same weights has one name, whatever it is called."""
        return f"{self.start}-{experiment.space.identifier(self.row)}"


def told(budget: float) -> str:
    """A share as it is written: 1/4, or 0.3 of what is no such part."""
    parts = 1.0 / budget
    return f"1/{parts:.0f}" if abs(parts - round(parts)) < 1e-6 else f"{budget:.3g}"


def make_contenders(
    experiment: Experiment,
    score: Rescore,
    evaluated: int,
    front: Scored,
    pool: Scored,
    pruners: Pruners,
) -> list[Contender]:
    """The front's, then those of every control; no target takes part in it.

    Args:
        pool: where those of the search that stand for budgets are taken from: the
            front, or all that the search remembers. A network that another one of
            its size outdoes before it is trained may well win after.
        evaluated: how many candidates the search has scored.
    """
    config = experiment.config.finalists
    scored = {FOUND: pool}
    for kind in config.controls:
        rows = _rows(experiment, kind, evaluated)
        if rows is not None:
            other = score(rows)
            scored[kind] = other.take(np.flatnonzero(within(experiment, other)))
    found: list[Contender] = []
    for kind in (FOUND, *config.controls):
        if kind in scored:
            by = "params" if kind == "more_params" else None
            tries = config.tries if kind in SEARCHED else 1
            chosen = at_budgets(experiment, scored[kind], by, tries)
            most = None
            if kind == FOUND:
                chosen += corners(experiment, front)
                most = experiment.config.search.finalists
            merged = _merged(chosen)[:most]
            found += [Contender(kind, places, row) for row, places in merged]
        else:
            found += [_pruned(kind, one) for one in pruners.prune(kind)]
    return found


def _pruned(kind: str, one: Pruned) -> Contender:
    return Contender(kind, (told(one.budget),), one.row, kind, one.ranking)


def _rows(
    experiment: Experiment, kind: Control, evaluated: int
) -> Int[np.ndarray, "pop site"] | None:
    """Candidates of a control of structure; None of a pruner."""
    if kind in STRUCTURES:
        return structures(experiment, kind)
    if kind in DRAWN:
        return draw_feasible(experiment, max(1, evaluated), "control")
    return None


def at_budgets(
    experiment: Experiment, scored: Scored, by: str | None = None, tries: int = 1
) -> list[tuple[np.ndarray, str]]:
    """The best network within every budget, where there is one.

    Args:
        by: a cost of which the most is the best; None: the first objective.
        tries: so many, the others of them larger than the next budget allows.
    """
    budgets = budgets_of(experiment)
    amounts, most = budgets.amounts(scored.indices), budgets.limits()
    order = np.lexsort(scored.objectives.T[::-1])
    if by is not None:
        order = np.argsort(-experiment.costs.counted(scored.indices)[by], kind="stable")
    found = []
    given = zip(budgets.shares, most, (*most[1:], 0.0), strict=True)
    for share, limit, least in given:
        within = order[amounts[order] <= limit]
        others = [n for n in within[1:] if amounts[n] > least]
        for place in (*within[:1], *others[: tries - 1]):
            found.append((scored.indices[place], told(share)))
    return found


def corners(experiment: Experiment, front: Scored) -> list[tuple[np.ndarray, str]]:
    """Points of a front: its corners, its knee, then the others in order."""
    matrix = front.objectives
    found = [
        (front.indices[int(matrix[:, column].argmin())], objective.name)
        for column, objective in enumerate(experiment.objectives)
    ]
    low, high = matrix.min(0), matrix.max(0)
    scaled = (matrix - low) / np.where(high > low, high - low, 1.0)
    found.append((front.indices[int(np.square(scaled).sum(-1).argmin())], "knee"))
    return [*found, *((row, "front") for row in front.indices)]


def _merged(
    chosen: Sequence[tuple[np.ndarray, str]],
) -> list[tuple[np.ndarray, tuple[str, ...]]]:
    """Each network once, in order of first appearance, with all that it stands for."""
    found: dict[bytes, tuple[np.ndarray, list[str]]] = {}
    for row, place in chosen:
        key = np.ascontiguousarray(row).tobytes()
        found.setdefault(key, (row, []))[1].append(place)
    return [(row, tuple(dict.fromkeys(places))) for row, places in found.values()]
