"""What a search minimises: transfer scores over languages, and costs.

Objectives are plain functions of metrics per language and of costs, so that the
same evaluation serves any of them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.space.cost import COSTS
from xlnas_jax.types import ConfigError

# Every task has its own number of languages.
Metrics = Mapping[str, Float[Array, "pop _"]]
Costs = Mapping[str, Float[Array, " pop"]]

TRANSFER = {
    "error": ("error", "mean"),
    "worst_error": ("error", "max"),
    "loss": ("loss", "mean"),
    "worst_loss": ("loss", "max"),
}


class Objective(NamedTuple):
    """A named column of the objective matrix; lower is better."""

    name: str
    is_cost: bool

    def __call__(
        self, metrics: Sequence[Metrics], costs: Costs
    ) -> Float[Array, " pop"]:
        """Its value for every candidate, from the metrics of each task.

        Tasks count alike, however many languages each is scored in.
        """
        if self.is_cost:
            return costs[self.name]
        metric, reduce = TRANSFER[self.name]
        if reduce == "max":
            return jnp.stack([m[metric].max(-1) for m in metrics]).max(0)
        return jnp.stack([m[metric].mean(-1) for m in metrics]).mean(0)


def make_objectives(names: tuple[str, ...]) -> tuple[Objective, ...]:
    """Checks the configured names: a transfer score first, then anything."""
    for name in names:
        if name not in TRANSFER and name not in COSTS:
            raise ConfigError(
                f"search.objectives: {name!r} is unknown. Transfer scores are "
                f"{list(TRANSFER)}, costs are {list(COSTS)}."
            )
    if not names or names[0] not in TRANSFER:
        raise ConfigError(
            f"search.objectives: the first must be a transfer score, one of "
            f"{list(TRANSFER)}; got {list(names)}."
        )
    if len(set(names)) != len(names):
        raise ConfigError(f"search.objectives: names must differ; got {list(names)}.")
    return tuple(Objective(name, name in COSTS) for name in names)


def objective_matrix(
    objectives: tuple[Objective, ...], metrics: Sequence[Metrics], costs: Costs
) -> Float[Array, "pop obj"]:
    """All objectives side by side."""
    return jnp.stack([objective(metrics, costs) for objective in objectives], axis=-1)
