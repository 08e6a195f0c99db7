"""Every architecture of a space that is small enough to list."""

import itertools

import numpy as np
from jaxtyping import Int

from xlnas_jax.space.knob import Knob
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.types import ArchitectureError

MOST = 1_000_000


def every_architecture(space: SearchSpace) -> Int[np.ndarray, "pop site"]:
    """All networks of the space in canonical form, each once.

    They are sorted by their first layer, then by their second, and so on: neighbours
    share as many layers as they can.

    Raises:
        ArchitectureError: there are more than a million.
    """
    if space.size > MOST:
        raise ArchitectureError(
            f"space: at most {MOST:,} architectures can be listed; got {space.size:,}. "
            f"Give fewer choices (space.heads, space.ffn)."
        )
    layered = [space.gate, *(knob for knob in space.knobs if knob.needs_layer)]
    free = [knob for knob in space.knobs if knob not in layered]
    layers = _different_layers(space, layered)
    stacks = _product([len(layers)] * space.gate.sites)
    rest = _product([len(knob.choices) for knob in free for _ in range(knob.sites)])
    rows = np.empty((len(stacks), len(rest), len(space.num_choices)), np.int32)
    for position, knob in enumerate(layered):
        rows[..., space.columns(knob.name)] = layers[stacks, position][:, None]
    start = 0
    for knob in free:
        stop = start + knob.sites
        rows[..., space.columns(knob.name)] = rest[None, :, start:stop]
        start = stop
    rows = rows.reshape(-1, rows.shape[-1])
    return rows[space.num_kept(rows) >= space.min_layers]


def _different_layers(
    space: SearchSpace, layered: list[Knob]
) -> Int[np.ndarray, "layer knob"]:
    """Choices of one layer; those that have no effect count once."""
    every = _product([len(knob.choices) for knob in layered])
    rows = np.zeros((len(every), len(space.num_choices)), np.int32)
    columns = [space.columns(knob.name).start for knob in layered]
    rows[:, columns] = every
    return np.unique(space.canonical(rows)[:, columns], axis=0)


def _product(sizes: list[int]) -> Int[np.ndarray, "row column"]:
    rows = list(itertools.product(*map(range, sizes)))
    return np.asarray(rows, np.int32).reshape(len(rows), len(sizes))
