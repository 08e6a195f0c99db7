"""Archives that hold what a test says, and the box that they are measured in."""

import jax.numpy as jnp
import numpy as np

from tests.settings import make_costs
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.objectives.objectives import make_objectives
from xlnas_jax.objectives.pareto import Archive, init_archive, insert
from xlnas_jax.objectives.signals import Box, knows_nothing, make_box
from xlnas_jax.space.cost import CostModel

GUESS = 1.5


def box_of(
    *names: str,
    costs: CostModel | None = None,
    given: tuple[float, ...] = (),
    **limits: float,
) -> Box:
    """The box of a search for these objectives within these limits."""
    return make_box(
        make_objectives(names),
        costs or make_costs(),
        ConstraintsConfig(**limits),
        [knows_nothing(GUESS, 3)],
        given,
    )


def archive_of(
    objectives: list | np.ndarray, rows: np.ndarray | None = None, size: int = 8
) -> Archive:
    """An archive of these points, whose networks are all different if not given."""
    points = jnp.asarray(objectives, jnp.float32)
    points = points if points.ndim == 2 else points[:, None]
    if rows is None:
        rows = np.arange(len(points))[:, None]
    empty = init_archive(size, rows.shape[1], points.shape[1], 1)
    if not len(points):
        return empty
    everything = jnp.ones(len(points), bool)
    nothing = jnp.zeros((len(points), 1))
    return insert(empty, jnp.asarray(rows, jnp.int32), points, nothing, everything)
