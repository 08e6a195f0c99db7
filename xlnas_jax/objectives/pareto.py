"""Pareto fronts, and the archive of the best networks seen; all is minimised.

Arrays keep their size whatever they hold, with a mask of the rows that count,
so that everything but `hypervolume` runs inside the compiled round. A row with
an objective that is not finite never counts: a failed evaluation cannot win.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int


@struct.dataclass
class Archive:
    """The best networks seen, best first; each network stands in it once.

    Attributes:
        indices: flattened canonical choice indices (`SearchSpace.canonical`):
            networks are told apart by them.
        objectives: lower is better; infinite in empty slots.
        values: what the caller wants to remember of each network, such as its
            score per language; plays no part in what is kept.
        is_valid: False for empty slots, which come last.
    """

    indices: Int[Array, "cap site"]
    objectives: Float[Array, "cap obj"]
    values: Float[Array, "cap value"]
    is_valid: Bool[Array, " cap"]


def _finite(
    objectives: Float[Array, "pop obj"], is_valid: Bool[Array, " pop"]
) -> Bool[Array, " pop"]:
    return is_valid & jnp.isfinite(objectives).all(-1)


def _dominates(objectives: Float[Array, "pop obj"]) -> Bool[Array, "pop pop"]:
    """Entry `i, j`: i is nowhere worse than j, and somewhere better."""
    first, second = objectives[:, None], objectives[None]
    return (first <= second).all(-1) & (first < second).any(-1)


def nondominated(
    objectives: Float[Array, "pop obj"], is_valid: Bool[Array, " pop"]
) -> Bool[Array, " pop"]:
    """The valid points that no valid point dominates; equal points all stay."""
    is_valid = _finite(objectives, is_valid)
    return is_valid & ~(_dominates(objectives) & is_valid[:, None]).any(0)


def nondominated_rank(
    objectives: Float[Array, "pop obj"], is_valid: Bool[Array, " pop"]
) -> Int[Array, " pop"]:
    """How many fronts must be peeled off before a point is on one; 0 is the front.

    Points that do not count get `pop`, which no other point can reach.

    References:
        Deb et al., "A fast and elitist multiobjective genetic algorithm:
        NSGA-II", 2002. https://doi.org/10.1109/4235.996017
    """
    return _peel(_dominates(objectives), _finite(objectives, is_valid))


def feasible_first_rank(
    objectives: Float[Array, "pop obj"],
    violation: Float[Array, " pop"],
    is_valid: Bool[Array, " pop"],
) -> Int[Array, " pop"]:
    """As `nondominated_rank`, but what breaks limits less dominates what does more.

    Args:
        violation: total constraint excess; zero or less means feasible. Objectives
            decide among equals alone. Points where it is NaN do not count.

    References:
        Deb, "An efficient constraint handling method for genetic algorithms", 2000.
        https://doi.org/10.1016/S0045-7825(99)00389-8
    """
    excess = jnp.maximum(violation, 0)
    first, second = excess[:, None], excess[None]
    dominates = (first < second) | ((first == second) & _dominates(objectives))
    return _peel(dominates, _finite(objectives, is_valid) & ~jnp.isnan(violation))


def _peel(
    dominates: Bool[Array, "pop pop"], counts: Bool[Array, " pop"]
) -> Int[Array, " pop"]:
    """Rank of each point that counts; `pop` for the others."""
    size = counts.shape[0]

    def peel(carry):
        ranks, is_left, rank = carry
        is_front = is_left & ~(dominates & is_left[:, None]).any(0)
        return jnp.where(is_front, rank, ranks), is_left & ~is_front, rank + 1

    start = (
        jnp.full(size, size, jnp.int32),
        counts,
        jnp.zeros((), jnp.int32),
    )
    return jax.lax.while_loop(lambda carry: carry[1].any(), peel, start)[0]


def crowding_distance(
    objectives: Float[Array, "pop obj"], rank: Int[Array, " pop"]
) -> Float[Array, " pop"]:
    """Mean gap between the neighbours of each point in its front, in front widths.

    The extremes of a front get infinity. Of equal points only the first has a
    distance; its copies get 0, as do points of rank `pop` (they do not count).

    References:
        Deb et al., "A fast and elitist multiobjective genetic algorithm:
        NSGA-II", 2002. https://doi.org/10.1109/4235.996017
    """
    size = rank.shape[0]
    is_equal = (objectives[:, None] == objectives[None]).all(-1)
    is_equal &= rank[:, None] == rank[None]
    counts = (rank < size) & ~jnp.tril(is_equal, -1).any(-1)
    front = jnp.where(counts, rank, size)
    objectives = jnp.where(counts[:, None], objectives, 0)
    gaps = jax.vmap(_front_gaps, in_axes=(1, None), out_axes=1)(objectives, front)
    is_small = jax.ops.segment_sum(jnp.ones_like(front), front, size + 1)[front] <= 2
    distance = jnp.where(is_small, jnp.inf, gaps.mean(-1))
    return jnp.where(counts, distance, 0).astype(objectives.dtype)


def _front_gaps(
    values: Float[Array, " pop"], front: Int[Array, " pop"]
) -> Float[Array, " pop"]:
    """One objective's gap around each point of its front; 0 where all are equal."""
    size = front.shape[0]
    order = jnp.lexsort((values, front))
    values, front = values[order], front[order]
    has_next = jnp.concatenate([front[1:] == front[:-1], jnp.zeros(1, bool)])
    is_inner = has_next & jnp.roll(has_next, 1)
    width = (
        jax.ops.segment_max(values, front, size + 1)
        - jax.ops.segment_min(values, front, size + 1)
    )[front]
    gap = jnp.where(is_inner, jnp.roll(values, -1) - jnp.roll(values, 1), jnp.inf)
    # An objective that is the same everywhere has no extremes to favour.
    gap = jnp.where(width > 0, gap / jnp.where(width > 0, width, 1), 0)
    return jnp.zeros_like(gap).at[order].set(gap)


def hypervolume(
    points: Float[np.ndarray, "point obj"], reference: Float[np.ndarray, " obj"]
) -> float:
    """Exact volume that the points dominate below `reference`; larger is better.

    Points that are not below the reference in every objective add nothing. Time
    grows exponentially with the number of objectives; up to four are quick.

    References:
        While et al., "A faster algorithm for calculating hypervolume" (HSO),
        2006. https://doi.org/10.1109/TEVC.2005.851275
    """
    points = np.asarray(points, np.float64)
    reference = np.asarray(reference, np.float64)
    return _slice_volume(points[(points < reference).all(-1)], reference)


def _slice_volume(points: np.ndarray, reference: np.ndarray) -> float:
    """Cuts along the last objective; each slab's base has one objective less."""
    if not len(points):
        return 0.0
    points = points[np.argsort(points[:, -1], kind="stable")]
    depth = np.diff(points[:, -1], append=reference[-1])
    if points.shape[1] == 1:
        return float(reference[0] - points[0, 0])
    if points.shape[1] == 2:
        reach = reference[0] - np.minimum.accumulate(points[:, 0])
        return float(reach @ depth)
    return sum(
        float(thickness) * _slice_volume(points[: i + 1, :-1], reference[:-1])
        for i, thickness in enumerate(depth)
        if thickness > 0
    )


def init_archive(
    capacity: int, num_sites: int, num_objectives: int, num_values: int
) -> Archive:
    """An empty archive."""
    return Archive(
        indices=jnp.zeros((capacity, num_sites), jnp.int32),
        objectives=jnp.full((capacity, num_objectives), jnp.inf, jnp.float32),
        values=jnp.zeros((capacity, num_values), jnp.float32),
        is_valid=jnp.zeros(capacity, bool),
    )


def insert(
    archive: Archive,
    indices: Int[Array, "pop site"],
    objectives: Float[Array, "pop obj"],
    values: Float[Array, "pop value"],
    is_valid: Bool[Array, " pop"],
) -> Archive:
    """Adds networks and keeps the best by front, then by crowding distance.

    A network that is already there takes its new scores, since shared weights
    have moved on; of equal rows in one call the last counts. Ties are broken by
    place: what stood in the archive comes first, better before worse.
    """
    new = Archive(indices, objectives, values, _finite(objectives, is_valid))
    both = jax.tree.map(
        lambda old, added: jnp.concatenate([old, added.astype(old.dtype)]), archive, new
    )
    is_same = (both.indices[:, None] == both.indices[None]).all(-1)
    is_replaced = jnp.triu(is_same & both.is_valid[None], 1).any(-1)
    is_valid = both.is_valid & ~is_replaced
    rank = nondominated_rank(both.objectives, is_valid)
    crowding = crowding_distance(both.objectives, rank)
    order = jnp.lexsort((-crowding, rank))[: archive.indices.shape[0]]
    kept = jax.tree.map(
        lambda leaf: leaf[order], dataclasses.replace(both, is_valid=is_valid)
    )
    # Empty slots are wiped, so that equal archives are equal bit for bit.
    capacity, num_sites = archive.indices.shape
    empty = init_archive(capacity, num_sites, objectives.shape[1], values.shape[1])
    return jax.tree.map(
        lambda leaf, blank: jnp.where(
            kept.is_valid.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, blank
        ),
        kept,
        empty,
    )


def front_mask(archive: Archive) -> Bool[Array, " cap"]:
    """The archive's slots that no other dominates."""
    return nondominated(archive.objectives, archive.is_valid)
