"""What a round's archive says of a search: volume, slope, costs and diversity.

The hypervolume is a share of a box that is fixed before the search, so that it means
the same in every round and in every run of one configuration. The box begins at what
can never be beaten: an error of 0, and the smallest network's cost. It ends at the
reference: by default the score of a network that knows nothing (an error of 1, the
loss of a uniform guess), and of a cost a tenth more than the budget (the limit, or the
full network where there is none), so that the costliest point counts too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.objectives.objectives import ALIGNMENT, Metrics, Objective
from xlnas_jax.objectives.pareto import Archive, hypervolume
from xlnas_jax.space.constraints import limits
from xlnas_jax.space.cost import CostModel
from xlnas_jax.space.distance import diversity
from xlnas_jax.tasks.divergence import DIVERGENCE
from xlnas_jax.tasks.drop import DROP
from xlnas_jax.types import ConfigError

MARGIN = 0.1
Points = Float[np.ndarray, "point obj"]


class Box(NamedTuple):
    """The part of objective space that counts, the same in every round.

    Attributes:
        objectives: what is minimised.
        ideal: of each, what can never be beaten.
        reference: of each, what a point must beat to count.
    """

    objectives: tuple[Objective, ...]
    ideal: tuple[float, ...]
    reference: tuple[float, ...]

    def shares(self, points: Points) -> Points:
        """Points in shares of the box: 0 is ideal, 1 the reference."""
        ideal, reference = np.asarray(self.ideal), np.asarray(self.reference)
        return np.maximum((points - ideal) / (reference - ideal), 0.0)

    def volume(self, points: Points) -> float:
        """Share of the box that the points dominate; those outside add nothing."""
        return hypervolume(self.shares(points), np.ones(len(self.ideal)))

    def outside(self, points: Points) -> int:
        """How many points are beyond the reference in some objective."""
        return int((points > np.asarray(self.reference)).any(-1).sum())


def make_box(
    objectives: tuple[Objective, ...],
    costs: CostModel,
    constraints: ConstraintsConfig,
    ignorance: Sequence[Metrics],
    given: tuple[float, ...] = (),
) -> Box:
    """The box of a search; see the module for its defaults.

    Args:
        ignorance: of each task, metrics of a network that knows nothing.
        given: the reference, where it is configured.

    Raises:
        ConfigError: no network can be within the given reference.
    """
    if given and len(given) != len(objectives):
        names = [objective.name for objective in objectives]
        raise ConfigError(
            f"search.reference: must have a value for each of search.objectives "
            f"{names}; got {list(given)}."
        )
    costs = costs.planned()
    smallest = costs.smallest()
    ideal = tuple(float(smallest[o.name]) if o.is_cost else 0.0 for o in objectives)
    top = budget(costs, constraints)
    reference = given or tuple(
        low + ((1.0 + MARGIN) * max(top[o.name] - low, 0.0) or 1.0)
        if o.is_cost
        else float(o.value(ignorance, {})[0])
        for o, low in zip(objectives, ideal, strict=True)
    )
    box = Box(objectives, ideal, reference)
    _require_room(box)
    return box


def _require_room(box: Box) -> None:
    for objective, low, high in zip(*box, strict=True):
        if high <= low:
            whose = "the smallest network's" if objective.is_cost else "the best one"
            raise ConfigError(
                f"search.reference: must be worse than every point of the front; got "
                f"{high:,g} for {objective.name!r}, but {whose} is {low:,g} already. "
                f"Use a larger value, or leave out search.reference."
            )


def budget(costs: CostModel, constraints: ConstraintsConfig) -> dict[str, float]:
    """The most that a network may cost, by cost: its limit, or the full network's."""
    full = costs(costs.space.largest_row[None])
    most = {name: float(value[0]) for name, value in full.items()}
    given = limits(constraints)
    return {name: min(value, given.get(name, value)) for name, value in most.items()}


def knows_nothing(guess: float, num_languages: int) -> Metrics:
    """Metrics of a network whose loss in every language is that of a guess.

    Args:
        num_languages: as many as the objectives look at, or more.
    """
    shape = (1, num_languages)
    return {
        "error": jnp.ones(shape),
        "loss": jnp.full(shape, guess, jnp.float32),
        # Of a teacher that is certain; none is further from a uniform guess.
        DIVERGENCE: jnp.full(shape, guess, jnp.float32),
        # Of a teacher that is always right.
        DROP: jnp.ones(shape),
        ALIGNMENT: jnp.zeros(shape),
    }


def read_archive(archive: Archive, box: Box, costs: CostModel) -> dict[str, float]:
    """Numbers worth logging of an archive.

    `slope_COST` is how much the transfer score changes from one point of the front of
    score and cost to the next, in units of the score for the whole box of the cost:
    its median, and the extremes. Numbers that do not exist yet are left out.
    """
    is_valid = np.asarray(archive.is_valid)
    points = np.asarray(archive.objectives, np.float64)[is_valid]
    rows = np.asarray(archive.indices)[is_valid]
    found = {
        "hypervolume": box.volume(points),
        "outside_reference": float(box.outside(points)),
        "diversity": diversity(costs.space, rows),
    }
    if not len(points):
        return found
    shares = box.shares(points)
    for column, objective in enumerate(box.objectives):
        if not objective.is_cost:
            continue
        name = objective.name
        found[f"archive_{name}"] = float(points[:, column].mean())
        slopes = trade_off(points[:, 0], shares[:, column])
        if len(slopes):
            found[f"slope_{name}"] = float(np.median(slopes))
            found[f"slope_{name}_min"] = float(slopes.min())
            found[f"slope_{name}_max"] = float(slopes.max())
    return found


def front_of(archive: Archive) -> Points:
    """Distinct points of an archive that none of it beats, the best first."""
    points = np.asarray(archive.objectives, np.float64)[np.asarray(archive.is_valid)]
    front = np.empty((0, points.shape[1]))
    # In this order none is beaten by one that comes later.
    for point in np.unique(points, axis=0):
        if not (front <= point).all(-1).any():
            front = np.append(front, point[None], axis=0)
    return front


def two_front(
    scores: Float[np.ndarray, " point"], costs: Float[np.ndarray, " point"]
) -> Bool[np.ndarray, " point"]:
    """The points on the front of one score and one cost."""
    # In NumPy: the number of points changes, and nothing is to be compiled for it.
    pair = np.stack([scores, costs], -1)
    first, second = pair[:, None], pair[None]
    dominates = (first <= second).all(-1) & (first < second).any(-1)
    return np.logical_not(dominates.any(0))


def trade_off(
    scores: Float[np.ndarray, " point"], costs: Float[np.ndarray, " point"]
) -> Float[np.ndarray, " gap"]:
    """Change of score by change of cost, between neighbours on their front."""
    pairs = np.unique(np.stack([costs, scores], -1)[two_front(scores, costs)], axis=0)
    cost, score = np.diff(pairs, axis=0).T
    return score / cost
