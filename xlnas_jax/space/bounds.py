"""The part of a space that is searched: bounds of every ordered choice.

A dimension is a knob whose choices are ordered, in all layers alike, or the number of
kept layers. Bounds are positions among its choices, both inclusive.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from xlnas_jax.space.space import SearchSpace

DEPTH = "depth"
Rows = Int[np.ndarray, "pop site"]


class Dimension(NamedTuple):
    """What has bounds.

    Attributes:
        name: of the knob, or `depth`.
        size: how many choices there are.
    """

    name: str
    size: int


class Bounds(NamedTuple):
    """Lowest and highest position of every dimension."""

    low: Int[np.ndarray, " dim"]
    high: Int[np.ndarray, " dim"]


def dimensions(space: SearchSpace) -> tuple[Dimension, ...]:
    """The number of layers if it may vary, then ordered knobs with several choices."""
    found = []
    if space.is_elastic:
        found.append(Dimension(DEPTH, space.gate.sites - space.min_layers + 1))
    found += [
        Dimension(knob.name, len(knob.choices))
        for knob in space.knobs[1:]
        if knob.is_ordered and len(knob.choices) > 1
    ]
    return tuple(found)


def all_of(space: SearchSpace) -> Bounds:
    """Bounds that leave out nothing."""
    sizes = [one.size for one in dimensions(space)]
    return Bounds(np.zeros(len(sizes), np.int32), np.asarray(sizes, np.int32) - 1)


def smallest_within(space: SearchSpace, bounds: Bounds) -> Rows:
    """The smallest networks inside the bounds, one for each choice that has no order.

    The first layers are kept: all layers cost the same.
    """
    rows = np.zeros((len(space.whole_rows), len(space.num_choices)), np.int32)
    for whole, chosen in zip(space.wholes, space.whole_rows.T, strict=True):
        rows[:, space.columns(whole.name).start] = chosen
    for one, low in zip(dimensions(space), bounds.low, strict=True):
        if one.name == DEPTH:
            kept = np.arange(space.gate.sites) < space.min_layers + low
            rows[:, space.columns(space.gate.name)] = kept
        else:
            columns = rows[:, space.columns(one.name)]
            rows[:, space.columns(one.name)] = np.maximum(columns, low)
    return space.canonical(rows)


def is_within(
    space: SearchSpace, rows: Rows, bounds: Bounds
) -> Bool[np.ndarray, " pop"]:
    """Of which rows every choice that has an effect is inside the bounds."""
    inside = np.ones(len(rows), bool)
    for one, low, high in zip(dimensions(space), *bounds, strict=True):
        places, is_live = _places(space, rows, one)
        inside &= ((places >= low) & (places <= high) | ~is_live).all(-1)
    return inside


def heights(
    space: SearchSpace, rows: Rows, bounds: Bounds
) -> Float[np.ndarray, " pop"]:
    """How high rows lie inside the bounds: 0 for the lowest choices, 1 for the highest.

    The mean over dimensions that leave a choice, of the mean over layers.
    """
    total, count = np.zeros(len(rows)), 0
    for one, low, high in zip(dimensions(space), *bounds, strict=True):
        if low == high:
            continue
        places, is_live = _places(space, rows, one)
        share = np.where(is_live, (places - low) / (high - low), 0.0).sum(-1)
        total += share / np.maximum(is_live.sum(-1), 1)
        count += 1
    return total / max(count, 1)


def put_within(
    space: SearchSpace,
    rows: Rows,
    bounds: Bounds,
    rng: np.random.Generator,
    bias: float = 0.0,
) -> Rows:
    """The same rows where they are inside; what is outside is drawn anew, inside.

    Layers too many are dropped and layers too few are added at random places.

    Args:
        bias: a choice is drawn with a probability that grows as `exp(bias * rank)`,
            its rank going from 0 to 1 over all choices.
    """
    rows = np.array(rows, np.int32)
    every = list(zip(dimensions(space), *bounds, strict=True))
    if space.is_elastic:
        (depth, low, high), *every = every
        assert depth.name == DEPTH, "layers come first: others are chosen in them"
        least = space.min_layers
        rows = _put_depth(space, rows, least + int(low), least + int(high), rng)
    for one, low, high in every:
        columns = space.columns(one.name)
        places, is_live = _places(space, rows, one)
        is_outside = is_live & ((places < low) | (places > high))
        choices = np.arange(low, high + 1)
        weight = np.exp(bias * choices / (one.size - 1))
        drawn = rng.choice(choices, places.shape, p=weight / weight.sum())
        rows[:, columns] = np.where(is_outside, drawn, places)
    return space.canonical(rows)


def _places(
    space: SearchSpace, rows: Rows, one: Dimension
) -> tuple[Int[np.ndarray, "pop _"], Bool[np.ndarray, "pop _"]]:
    """Positions in one dimension, and which of them have an effect."""
    if one.name == DEPTH:
        depth = space.num_kept(rows)[:, None] - space.min_layers
        return depth, np.ones_like(depth, bool)
    places = np.asarray(rows)[:, space.columns(one.name)]
    if space.knob(one.name).needs_layer:
        return places, space.is_kept(rows)
    return places, np.ones_like(places, bool)


def _put_depth(
    space: SearchSpace, rows: Rows, low: int, high: int, rng: np.random.Generator
) -> Rows:
    """As many layers as the bounds allow, those that are kept already first."""
    kept = space.is_kept(rows)
    depth = kept.sum(-1)
    wanted = np.clip(depth, low, high)
    # Random among the kept ones, and behind them among the others.
    rank = np.argsort(np.argsort(rng.random(kept.shape) - kept, axis=-1), axis=-1)
    is_chosen = np.where((wanted == depth)[:, None], kept, rank < wanted[:, None])
    rows[:, space.columns(space.gate.name)] = is_chosen
    return rows
