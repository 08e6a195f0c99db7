"""A small search for strategies to work in."""

from tests.models import NUM_LABELS, SHAPE, tiny_space
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.controllers.base import Setting
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.space import SearchSpace


def make_costs(space: SearchSpace | None = None) -> CostModel:
    return CostModel(space or tiny_space(), SHAPE, (HeadSize(NUM_LABELS),), length=16)


def make_setting(
    *cost_scale: float,
    space: SearchSpace | None = None,
    constraints: ConstraintsConfig | None = None,
    num_rounds: int = 5,
    population: int = 6,
) -> Setting:
    """`cost_scale`: the full network's cost, for each objective after the first."""
    return Setting(
        make_costs(space),
        constraints or ConstraintsConfig(),
        num_rounds,
        population,
        cost_scale,
        ("error", "flops", "params")[: 1 + len(cost_scale)],
    )
