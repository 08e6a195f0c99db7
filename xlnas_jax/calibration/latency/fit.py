"""A table that predicts latency, fitted to some networks and judged by others.

Non-negative least squares on additive features: of each network, how many of its kept
layers have at least so many heads, and at least such an inner width. Coefficients are
then what each further step of a choice adds, none below zero, so that a larger network
is never predicted to be faster. Errors are relative ones. Tables that add up are also
what limits can be solved for exactly (`space.decode`); boosted trees, the usual
alternative, neither add up nor follow the order of sizes, and need more networks.

References:
    Lawson and Hanson, "Solving least squares problems", 1974, chapter 23.
    https://doi.org/10.1137/1.9781611971217
    Cai et al., "Once for all", 2020 (additive latency tables).
    https://arxiv.org/abs/1908.09791
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.space.latency import NS_PER_MS, LatencyTable
from xlnas_jax.space.space import SearchSpace

MAX_MAPE, MIN_TAU = 0.10, 0.9
COVERAGE = 0.95


class Judgement(NamedTuple):
    """How well a table predicts networks that it was not fitted to.

    Attributes:
        mape: mean absolute error, as a share of what was measured.
        tau: Kendall's tau-b of predicted and measured; None where all are alike.
        margin: share of the prediction that 95 % of the measurements stray from it
            at most.
    """

    mape: float
    tau: float | None
    margin: float

    @property
    def is_trusted(self) -> bool:
        """Whether both bars are reached."""
        return self.mape <= MAX_MAPE and self.tau is not None and self.tau >= MIN_TAU


def fit_table(
    space: SearchSpace,
    rows: Int[np.ndarray, "network site"],
    latency_ms: Float[np.ndarray, " network"],
) -> LatencyTable:
    """The table with the least squared relative errors."""
    # Imported late: it takes a quarter of a second, and few runs need it.
    from scipy.optimize import nnls

    features = _features(space, rows)
    found = nnls(features / latency_ms[:, None], np.ones(len(rows)))[0]
    steps = np.round(found * NS_PER_MS).astype(np.int64)
    fixed, *rest = np.split(steps, np.cumsum(_counts(space))[:-1])
    stages, rest = [], iter(rest)
    for stage in space.stages:
        total = np.zeros(len(space.options(stage)), np.int64)
        for name in stage.knobs:
            own = np.cumsum(next(rest))
            missing = len(space.knob(name).choices) - len(own)
            own = np.concatenate([np.zeros(missing, np.int64), own])
            sizes = space.knob(name).choices
            total += own[[sizes.index(o[name]) for o in space.options(stage)]]
        absent = [stage.is_absent(values) for values in space.options(stage)]
        stages.append(tuple(np.where(absent, 0, total).tolist()))
    return LatencyTable(fixed=tuple(fixed.tolist()), stages=tuple(stages))


def judge_table(
    space: SearchSpace,
    table: LatencyTable,
    rows: Int[np.ndarray, "network site"],
    latency_ms: Float[np.ndarray, " network"],
) -> Judgement:
    """Holds predictions against measurements of other networks.

    References:
        Kendall, "The treatment of ties in ranking problems", 1945.
        https://doi.org/10.1093/biomet/33.3.239
    """
    from scipy.stats import kendalltau

    predicted = table(space, rows) / NS_PER_MS
    result: Any = kendalltau(predicted, latency_ms)
    tau = float(result.statistic)
    stray = np.abs(latency_ms / np.maximum(predicted, 1e-9) - 1.0)
    return Judgement(
        mape=float(np.mean(np.abs(predicted / latency_ms - 1.0))),
        tau=None if np.isnan(tau) else tau,
        margin=float(np.quantile(stray, COVERAGE, method="higher")),
    )


def _firsts(space: SearchSpace) -> list[tuple[str, int]]:
    """Of each knob of a stage, the first of its steps that is counted.

    What any layer takes is counted with its first stage.
    """
    names = space.stage_knobs
    first = names[0] if names and 0 not in space.knob(names[0]).choices else None
    return [(name, 0 if name == first else 1) for name in names]


def _counts(space: SearchSpace) -> list[int]:
    """How many features there are: of the whole network, of each knob of a stage."""
    own = [len(space.knob(name).choices) - first for name, first in _firsts(space)]
    return [len(space.whole_rows), *own]


def _features(
    space: SearchSpace, rows: Int[np.ndarray, "network site"]
) -> Float[np.ndarray, "network feature"]:
    """Choices of the whole; of every step of a size, how many layers take it."""
    kept = space.is_kept(rows)
    columns = [space.whole_of(rows)[:, None] == np.arange(len(space.whole_rows))[None]]
    for name, first in _firsts(space):
        chosen = rows[:, space.columns(name)]
        steps = np.arange(first, len(space.knob(name).choices))
        reached = chosen[:, :, None] >= steps[None, None]
        columns.append((kept[:, :, None] * reached).sum(1))
    return np.concatenate(columns, -1).astype(np.float64)
