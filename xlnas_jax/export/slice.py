"""From the shared weights to one architecture's own."""

import dataclasses
from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Int

from xlnas_jax.export.params import SubnetParams, to_size
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.fixed import cut_layer
from xlnas_jax.supernet.params import LayerParams, SupernetParams
from xlnas_jax.supernet.stages.pooling import POOLING, is_weighted
from xlnas_jax.supernet.stages.vocabulary import is_chosen, rows_of

# `(number, values of its knobs) -> layer`.
MakeLayer = Callable[[int, dict[str, int]], LayerParams]


def slice_subnet(
    params: SupernetParams,
    space: SearchSpace,
    indices: Int[np.ndarray, " site"],
    shape: EncoderShape | None = None,
) -> SubnetParams:
    """Weights of one flattened architecture: kept layers, units and words alone.

    Args:
        shape: of the full encoder; where networks differ in their words' rows, as
            `shape_of` is of what comes out.
    """
    stacked = params.encoder.layers
    if is_chosen(space):
        assert shape is not None, "it has the rows of every choice"
        kept, _ = rows_of(space, shape, indices)
        word = jax.device_put(np.asarray(params.encoder.embeddings.word)[kept])
        tables = dataclasses.replace(params.encoder.embeddings, word=word)
        encoder = dataclasses.replace(params.encoder, embeddings=tables)
        params = dataclasses.replace(params, encoder=encoder)

    def make_layer(number: int, values: dict[str, int]) -> LayerParams:
        return cut_layer(stacked, space, number, values)

    sliced = assemble(params, space, indices, make_layer)
    return dataclasses.replace(sliced, layers=jax.device_put(sliced.layers))


def shape_of(
    space: SearchSpace, indices: Int[np.ndarray, " site"], shape: EncoderShape
) -> EncoderShape:
    """The encoder that a network was cut from, with words' rows as it has them."""
    if not is_chosen(space):
        return shape
    return dataclasses.replace(shape, words=rows_of(space, shape, indices)[1])


def assemble(
    params: SupernetParams,
    space: SearchSpace,
    indices: Int[np.ndarray, " site"],
    make_layer: MakeLayer,
) -> SubnetParams:
    """One flattened architecture of layers that are made by number and values."""
    kept = space.layers(indices)
    head = params.head
    if not is_weighted(str(space.values(indices)[POOLING][0])):
        head = dataclasses.replace(head, attentive=None)
    return SubnetParams(
        params.encoder.embeddings,
        tuple(make_layer(*one) for one in kept),
        head,
        tuple(to_size(values) for _, values in kept),
        params.encoder.final_norm,
    )
