"""Which networks are measured, and their weights in the form that is exported."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Int

from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.slice import assemble
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Stage
from xlnas_jax.supernet.params import LayerParams, SupernetParams
from xlnas_jax.supernet.units import blank, cut_stage, own, put

# Draws for every network that is wanted, before fewer are given.
_TRIES = 50
Rows = Int[np.ndarray, "network site"]


def draw_networks(space: SearchSpace, num: int, seed: int = 0) -> Rows:
    """The smallest network, the full one, and random ones: all different.

    Depths are uniform, which those of a uniform draw from the space are not. Fewer
    than `num` where the space has no more.
    """
    rng = np.random.default_rng(seed)
    ends = [space.smallest(), space.largest()]
    found = {tuple(np.asarray(space.flatten(arch)).tolist()): None for arch in ends}
    for _ in range(_TRIES * num):
        if len(found) >= num:
            break
        row = rng.integers(0, space.num_choices, dtype=np.int32)
        row[space.columns(space.gate.name)] = _draw_layers(space, rng)
        found[tuple(space.canonical(row[None])[0].tolist())] = None
    return np.asarray(list(found)[:num], np.int32)


def _draw_layers(space: SearchSpace, rng: np.random.Generator) -> np.ndarray:
    """Choices of the gate: a uniform number of layers, any of them."""
    keep = space.gate
    if 0 not in keep.choices:
        return np.zeros(keep.sites, np.int32)
    depth = rng.integers(space.min_layers, keep.sites + 1)
    kept = np.zeros(keep.sites, bool)
    kept[rng.permutation(keep.sites)[:depth]] = True
    return np.where(kept, keep.choices.index(1), keep.choices.index(0))


def share_weights(
    params: SupernetParams, space: SearchSpace, shape: EncoderShape, rows: Rows
) -> list[SubnetParams]:
    """Weights of many networks, as `slice_subnet` gives them.

    Stages of one size and place are the same arrays in all networks, so that any
    number of them takes the memory of a few.
    """
    layers: dict[int, LayerParams] = {}
    parts: dict[Any, dict[str, Any]] = {}

    def part(number: int, stage: Stage, values: dict[str, int]) -> dict[str, Any]:
        name = number, stage.name, *(values[knob] for knob in stage.knobs)
        if name not in parts:
            if number not in layers:
                stacked = params.encoder.layers
                layers[number] = jax.tree.map(lambda leaf: leaf[number], stacked)
            parts[name] = own(cut_stage(layers[number], stage, values), stage)
        return parts[name]

    def make_layer(number: int, values: dict[str, int]) -> LayerParams:
        made = blank(jax.tree.map(lambda leaf: leaf[0], params.encoder.layers))
        for stage in space.stages:
            made = put(made, part(number, stage, values))
        return made

    return [assemble(params, space, row, make_layer) for row in rows]
