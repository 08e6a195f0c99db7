"""Drawing, checking, mating and changing architectures, and what was told of them.

Rows are kept canonical: choices inside a skipped layer are 0 and are never changed,
because that would give the same network again. A layer that is switched on gets
choices of its own, drawn anew or taken from the parent that has it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.controllers.base import Setting, Told, usable
from xlnas_jax.space.constraints import is_feasible, without_latency
from xlnas_jax.space.space import SearchSpace

# Variants of each candidate, of which the first that was not told before is asked.
TRIES = 6


class Sites(NamedTuple):
    """What the columns of flattened architectures stand for.

    Attributes:
        num_choices: of each site.
        gate: columns that say which layers are kept.
        is_kept: for each choice of those, whether it keeps the layer.
        layer: the layer that must be kept for the choice to matter; -1: none.
        unit: the column whose choice leaves out the site's stage where it is the
            first one; -1: none does.
        min_layers: networks with fewer kept layers are not valid.
    """

    num_choices: Int[np.ndarray, " site"]
    gate: slice
    is_kept: Bool[np.ndarray, " choice"]
    layer: Int[np.ndarray, " site"]
    unit: Int[np.ndarray, " site"]
    min_layers: int


def make_sites(space: SearchSpace) -> Sites:
    """The columns of a space."""
    layer = np.full(len(space.num_choices), -1, np.int32)
    for knob in space.knobs:
        if knob.needs_layer:
            layer[space.columns(knob.name)] = np.arange(knob.sites)
    columns = np.arange(len(space.num_choices), dtype=np.int32)
    unit = np.full(len(columns), -1, np.int32)
    for stage in space.stages:
        for name in stage.needed:
            if 0 in space.knob(name).choices:
                for other in set(stage.knobs) - {name}:
                    unit[space.columns(other)] = columns[space.columns(name)]
    is_kept = np.asarray(space.gate.choices) != 0
    num_choices = np.asarray(space.num_choices, np.int32)
    gate = space.columns(space.gate.name)
    return Sites(num_choices, gate, is_kept, layer, unit, space.min_layers)


def is_within(
    setting: Setting, rows: Int[np.ndarray, "pop site"]
) -> Bool[np.ndarray, " pop"]:
    """Deep enough and within the limits, as far as can be told without measuring."""
    costs, constraints = setting.costs.planned(), setting.constraints
    if costs.latency is None:
        constraints = without_latency(constraints)
    return is_feasible(rows, costs, constraints)


def is_among(
    rows: Int[np.ndarray, "pop site"], known: Int[np.ndarray, "known site"]
) -> Bool[np.ndarray, " pop"]:
    """True for the rows that are among the known ones."""
    names = {row.tobytes() for row in np.ascontiguousarray(known, np.int32)}
    found = (row.tobytes() in names for row in np.ascontiguousarray(rows, np.int32))
    return np.fromiter(found, bool, len(rows))


def is_live(sites: Sites, rows: Int[Array, "*pop site"]) -> Bool[Array, "*pop site"]:
    """The choices that have an effect: those outside of what is left out."""
    kept = jnp.asarray(sites.is_kept)[rows[..., sites.gate]]
    live = kept[..., sites.layer] | jnp.broadcast_to(sites.layer < 0, rows.shape)
    if (sites.unit < 0).all():
        return live
    has_stage = (rows > 0)[..., sites.unit]
    return live & (has_stage | jnp.broadcast_to(sites.unit < 0, rows.shape))


def canonical(sites: Sites, rows: Int[Array, "*pop site"]) -> Int[Array, "*pop site"]:
    """`SearchSpace.canonical`, inside `jit`."""
    return jnp.where(is_live(sites, rows), rows, 0)


def draw(sites: Sites, key: Key[Array, ""], num: int) -> Int[Array, "num site"]:
    """Uniform choices everywhere, in canonical form."""
    ends = jnp.broadcast_to(sites.num_choices, (num, len(sites.num_choices)))
    return canonical(sites, jax.random.randint(key, ends.shape, 0, ends))


def mutate(
    sites: Sites,
    key: Key[Array, ""],
    row: Int[Array, " site"],
    rate: Float[Array, ""],
) -> Int[Array, " site"]:
    """Another network that differs in at least one choice that matters.

    Each such choice changes with probability `rate`, to any other alike; where none
    does, one of them is changed. No layer is skipped where the fewest allowed are left.
    """
    hit_key, site_key, choice_key, new_key = jax.random.split(key, 4)
    before = is_live(sites, row)
    kept = jnp.asarray(sites.is_kept)[row[sites.gate]]
    is_needed = kept & (kept.sum() <= sites.min_layers)
    may_change = before & (sites.num_choices > 1)
    may_change = may_change.at[sites.gate].set(may_change[sites.gate] & ~is_needed)
    is_hit = may_change & jax.random.bernoulli(hit_key, rate, row.shape)
    one = jax.random.categorical(site_key, jnp.where(may_change, 0.0, -1e9))
    is_one = may_change & (jnp.arange(row.size) == one)
    step = jax.random.randint(
        choice_key, row.shape, 1, np.maximum(sites.num_choices, 2)
    )
    other = (row + step) % sites.num_choices
    changed = jnp.where(jnp.where(is_hit.any(), is_hit, is_one), other, row)
    is_new = is_live(sites, changed) & ~before
    fresh = jax.random.randint(new_key, row.shape, 0, sites.num_choices)
    return canonical(sites, jnp.where(is_new, fresh, changed))


def mutants(
    sites: Sites,
    key: Key[Array, ""],
    rows: Int[Array, "num site"],
    rates: Float[Array, " try"],
) -> Int[Array, "num try site"]:
    """Of every row a mutant at each of the rates."""
    keys = jax.random.split(key, (len(rows), len(rates)))
    vary = jax.vmap(jax.vmap(mutate, (None, 0, None, 0)), (None, 0, 0, None))
    return vary(sites, keys, rows, rates)


def rising(rate: Float[Array, ""]) -> Float[Array, " try"]:
    """A mutation rate for each variant of a candidate.

    That of the first is as given; where nothing near is new, later ones go further.
    """
    return jnp.maximum(rate, jnp.linspace(0.0, 0.5, TRIES))


def crossover(
    sites: Sites,
    key: Key[Array, ""],
    one: Int[Array, " site"],
    other: Int[Array, " site"],
) -> Int[Array, " site"]:
    """Each choice from either parent; those of a layer from one that has the layer."""
    has_one, has_other = is_live(sites, one), is_live(sites, other)
    is_first = jnp.where(
        has_one == has_other, jax.random.bernoulli(key, 0.5, one.shape), has_one
    )
    return canonical(sites, jnp.where(is_first, one, other))


@struct.dataclass
class History:
    """The last candidates that were told and can be learnt from.

    Attributes:
        rows: as they were told. objectives: all finite; lower is better.
        num: how many were told so far; candidate `i` stands in slot `i % cap`.
    """

    rows: Int[Array, "cap site"]
    objectives: Float[Array, "cap obj"]
    num: Int[Array, ""]

    @property
    def is_filled(self) -> Bool[Array, " cap"]:
        """The slots that hold a candidate."""
        return jnp.arange(self.rows.shape[0], dtype=jnp.int32) < self.num


def init_history(capacity: int, num_sites: int, num_objectives: int) -> History:
    """Nothing told yet."""
    return History(
        rows=jnp.zeros((capacity, num_sites), jnp.int32),
        objectives=jnp.zeros((capacity, num_objectives), jnp.float32),
        num=jnp.zeros((), jnp.int32),
    )


def remember(history: History, told: Told) -> History:
    """Adds the usable candidates in their order; the oldest make room."""
    is_usable = usable(told)
    capacity = history.rows.shape[0]
    count = jnp.cumsum(is_usable.astype(jnp.int32))
    # Where more are told than there are slots, the last ones count.
    is_written = is_usable & (count > count[-1] - capacity)
    slots = jnp.where(is_written, (history.num + count - 1) % capacity, capacity)
    return History(
        history.rows.at[slots].set(told.indices, mode="drop"),
        history.objectives.at[slots].set(told.objectives, mode="drop"),
        history.num + count[-1],
    )


def first_new(
    history: History, tries: Int[Array, "num try site"]
) -> Int[Array, "num site"]:
    """Of each candidate's variants the first that was not told before, if any.

    History and variants are compared as they are: both must be canonical.
    """
    is_equal = (tries[:, :, None] == history.rows[None, None]).all(-1)
    is_old = (is_equal & history.is_filled[None, None]).any(-1)
    return jnp.take_along_axis(tries, is_old.argmin(1)[:, None, None], axis=1)[:, 0]
