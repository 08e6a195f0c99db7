"""Hard limits on costs, checked on whole numbers before anything is run."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Int

from xlnas_jax.config import ConstraintsConfig
from xlnas_jax.space.cost import CostModel
from xlnas_jax.types import ArchitectureError


def limits(config: ConstraintsConfig) -> dict[str, float]:
    """The limits that are set, by cost."""
    given = dataclasses.asdict(config)
    return {name: limit for name, limit in given.items() if limit is not None}


def is_feasible(
    indices: Int[np.ndarray, "pop site"], costs: CostModel, config: ConstraintsConfig
) -> Bool[np.ndarray, " pop"]:
    """Deep enough and within every limit."""
    counts = costs(indices)
    feasible = costs.space.num_kept(indices) >= costs.space.min_layers
    for name, limit in limits(config).items():
        feasible &= counts[name] <= limit
    return feasible


def require_feasible(costs: CostModel, config: ConstraintsConfig) -> None:
    """Raises `ArchitectureError` where not even the smallest network fits.

    Every cost grows with every ordered choice, so one smallest network decides.
    """
    smallest = costs.smallest()
    for name, limit in limits(config).items():
        if smallest[name] > limit:
            raise ArchitectureError(
                f"constraints.{name}: no architecture of the space stays within "
                f"{limit:,.0f}; the smallest possible value is {smallest[name]:,}. "
                f"Raise the limit, or add smaller choices to the space "
                f"(space.min_layers, space.heads, space.ffn)."
            )
