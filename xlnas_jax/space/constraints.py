"""Hard limits on costs, checked on whole numbers before anything is run."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Int

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.space.cost import CostModel
from xlnas_jax.space.latency import LATENCY, NS_PER_MS
from xlnas_jax.types import ArchitectureError

_ADVICE = (
    "Raise what is too low, or add smaller choices to the space (space.min_layers, "
    "space.heads, space.ffn)."
)


def limits(config: ConstraintsConfig) -> dict[str, float]:
    """The limits that are set on costs, by cost."""
    given = dataclasses.asdict(config)
    for name in ("divergence", "drop"):
        del given[name]  # no cost: it is measured by running a candidate
    return {name: limit for name, limit in given.items() if limit is not None}


def is_feasible(
    indices: Int[np.ndarray, "pop site"], costs: CostModel, config: ConstraintsConfig
) -> Bool[np.ndarray, " pop"]:
    """Deep enough and within every limit.

    Latency is asked for last, and only of what is within all others: where its table
    is not trusted, every answer is a measurement.
    """
    indices = np.asarray(indices)
    given = limits(config)
    latency_limit = given.pop(LATENCY, None)
    counts = costs.counted(indices)
    feasible = costs.space.num_kept(indices) >= costs.space.min_layers
    for name, limit in given.items():
        feasible &= counts[name] <= limit
    if latency_limit is not None:
        assert costs.latency is not None, "latency must be measured before it is asked"
        found = costs.latency.nanoseconds(costs.space, indices[feasible])
        feasible[feasible] = found <= costs.latency.budget(latency_limit)
    return feasible


def without_latency(config: ConstraintsConfig) -> ConstraintsConfig:
    """The limits that can be checked before latency is measured."""
    return dataclasses.replace(config, latency_ms=None)


def require_feasible(costs: CostModel, config: ConstraintsConfig) -> None:
    """Raises `ArchitectureError` where no network is within the limits.

    Every cost grows with every ordered choice, so the smallest networks, one for each
    pooling, decide. A limit on latency is left out until it was measured.
    """
    if costs.latency is None:
        config = without_latency(config)
    least = _least(costs, config)
    too_low = [
        f"constraints.{name}: no architecture of the space stays within "
        f"{shown(limit)}; the smallest possible value is {shown(least[name])}."
        for name, limit in limits(config).items()
        if least[name] > limit
    ]
    if too_low:
        raise ArchitectureError(" ".join([*too_low, _ADVICE]))
    if not is_feasible(costs.smallest_rows(), costs, config).any():
        each = ", ".join(
            f"{name} within {shown(limit)} (smallest possible: {shown(least[name])})"
            for name, limit in limits(config).items()
        )
        raise ArchitectureError(
            f"constraints: each can be met alone, but no architecture meets all of "
            f"them together: {each}. {_ADVICE}"
        )


def shown(value: int | float | np.number) -> str:
    """A cost or a limit as it is written: whole where it is whole."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3f}"


def _least(costs: CostModel, config: ConstraintsConfig) -> dict[str, float]:
    """The least that each limited cost could be."""
    least = {name: float(value) for name, value in costs.smallest().items()}
    latency = costs.latency
    if latency is not None and latency.measure is None:
        # What is held against the limit: the prediction and its margin.
        nanoseconds = latency.table(costs.space, costs.smallest_rows()).min()
        least[LATENCY] = float(nanoseconds) * (1.0 + latency.margin) / NS_PER_MS
    return {name: least[name] for name in limits(config)}
