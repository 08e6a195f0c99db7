"""Which networks are measured, and their weights in the form that is exported."""

import dataclasses

import jax
import numpy as np
from jaxtyping import Int

from xlnas_jax.export.params import SubnetParams
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.layers import slice_layer
from xlnas_jax.supernet.params import LayerParams, SupernetParams

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
        row[space.columns("keep")] = _draw_layers(space, rng)
        found[tuple(space.canonical(row[None])[0].tolist())] = None
    return np.asarray(list(found)[:num], np.int32)


def _draw_layers(space: SearchSpace, rng: np.random.Generator) -> np.ndarray:
    """Choices of `keep`: a uniform number of layers, any of them."""
    keep = space.knob("keep")
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

    Half layers of one size and place are the same arrays in all networks, so that
    any number of them takes the memory of a few.
    """
    layers: dict[int, LayerParams] = {}
    halves: dict[tuple[int, int, int], LayerParams] = {}

    def half(layer: int, heads: int, ffn: int) -> LayerParams:
        if layer not in layers:
            stacked = params.encoder.layers
            layers[layer] = jax.tree.map(lambda leaf: leaf[layer], stacked)
        if (layer, heads, ffn) not in halves:
            halves[layer, heads, ffn] = slice_layer(layers[layer], heads, ffn)
        return halves[layer, heads, ffn]

    def make_layer(layer: int, heads: int, ffn: int) -> LayerParams:
        other = half(layer, 0, ffn)
        parts = {name: getattr(other, name) for name in ("up", "down", "ffn_norm")}
        return dataclasses.replace(half(layer, heads, 0), **parts)

    return [_assemble(params, space, row, make_layer) for row in rows]


def _assemble(params: SupernetParams, space: SearchSpace, row, make_layer):
    values = space.values(row)
    sizes = zip(values["keep"], values["heads"], values["ffn"], strict=True)
    kept = [(i, int(h), int(f)) for i, (keep, h, f) in enumerate(sizes) if keep]
    head = params.head
    if values["pooling"][0] != "attentive":
        head = dataclasses.replace(head, attentive=None)
    layers = tuple(make_layer(*one) for one in kept)
    return SubnetParams(params.encoder.embeddings, layers, head)
