"""Networks that one has without a search: all layers alike, or the bottom ones.

They are what others do today, so that a search is held against them, and may start with
them; see `seeds`.
"""

import math

import numpy as np
from jaxtyping import Int

from xlnas_jax.config.search import Structure
from xlnas_jax.experiment.budgets import budgets_of
from xlnas_jax.experiment.draws import distinct
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.space.uniform import uniform_rows

Rows = Int[np.ndarray, "pop site"]
# Depths that are tried, as shares of all layers.
DEPTHS = (1.0, 0.75, 0.5, 0.25)


def structures(experiment: Experiment, kind: Structure) -> Rows:
    """The costliest within each of `finalists.budgets`, at each quarter of the depth.

    The smallest network where none is within the limits.
    """
    space, costs = experiment.space, experiment.costs
    rows = distinct(experiment, uniform_rows(space, kind == "bottom"))
    depths = {math.ceil(share * space.gate.sites) for share in DEPTHS}
    rows = rows[np.isin(space.num_kept(rows), sorted(depths))]
    budgets = budgets_of(experiment, is_planned=True)
    amounts = budgets.amounts(rows)
    within = [widest(experiment, rows[amounts <= most]) for most in budgets.limits()]
    found = np.concatenate([one for one in within if len(one)] or [rows[:0]])
    if not len(found):
        return distinct(experiment, costs.smallest_rows())[:1]
    first = np.unique(found, axis=0, return_index=True)[1]
    return found[np.sort(first)]


def widest(experiment: Experiment, rows: Rows) -> Int[np.ndarray, "kind site"]:
    """The costliest network of every depth and of every choice of whole networks."""
    space = experiment.space
    kinds = np.stack([space.num_kept(rows), space.whole_of(rows)])
    costliest = np.argsort(-experiment.costs.counted(rows)["flops"], kind="stable")
    first = np.unique(kinds[:, costliest], axis=1, return_index=True)[1]
    return rows[costliest[first]]
