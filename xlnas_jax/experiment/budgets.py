"""Shares of what the full network costs, within which networks are compared."""

import dataclasses

import numpy as np
from jaxtyping import Int

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.finalists import BudgetCost
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.space.cost import Amounts, CostModel
from xlnas_jax.space.latency import LATENCY, NS_PER_MS, Latency

Rows = Int[np.ndarray, "pop site"]


@dataclasses.dataclass(frozen=True, eq=False)
class Budgets:
    """`finalists.budgets` of one of the costs.

    Attributes:
        costs: of the space.
        cost: which of them is shared out.
        shares: of the full network's, falling.
    """

    costs: CostModel
    cost: BudgetCost
    shares: tuple[float, ...]

    def amounts(self, rows: Rows) -> Amounts:
        """What networks take of the limits: FLOPs, or predicted nanoseconds.

        Measured ones where the table that predicts them is not trusted.
        """
        if self.cost == LATENCY:
            return self._latency.nanoseconds(self.costs.space, rows)
        return self.costs.counted(rows)[self.cost]

    def limits(self) -> list[int | float]:
        """In the unit of `amounts`, of every share."""
        most = map(self._most, self.shares)
        if self.cost == LATENCY:
            return [self._latency.budget(limit_ms) for limit_ms in most]
        return list(most)

    def within(self, share: float, given: ConstraintsConfig) -> ConstraintsConfig:
        """The given limits, and that of a share."""
        most, known = self._most(share), getattr(given, self.cost)
        least = most if known is None else min(most, known)
        return dataclasses.replace(given, **{self.cost: least})

    def _most(self, share: float) -> float:
        """As a limit of the configuration: FLOPs, or milliseconds.

        Of FLOPs it is a share of the layers' work, with the head's on top. Of latency
        it is one of the whole network's; the margin of what predicts it is taken off
        as from any limit.
        """
        if self.cost == LATENCY:
            full = self.amounts(self.costs.space.largest_row[None])
            return share * float(full[0]) / NS_PER_MS
        return self.costs.flops_of_share(share)

    @property
    def _latency(self) -> Latency:
        assert self.costs.latency is not None, "latency must be measured first"
        return self.costs.latency


def budgets_of(experiment: Experiment, is_planned: bool = False) -> Budgets:
    """Those that fronts are compared at.

    Args:
        is_planned: latency is the table's, trusted or not, for what looks at more
            networks than can be timed.
    """
    config, costs = experiment.config.finalists, experiment.costs
    costs = costs.planned() if is_planned else costs
    return Budgets(costs, config.budget_cost, config.budgets)
