"""From the shared weights to one architecture's own."""

import dataclasses
from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Int

from xlnas_jax.export.params import SubnetParams, to_size
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.fixed import cut_layer
from xlnas_jax.supernet.params import LayerParams, SupernetParams
from xlnas_jax.supernet.stages.pooling import POOLING, is_weighted

# `(number, values of its knobs) -> layer`.
MakeLayer = Callable[[int, dict[str, int]], LayerParams]


def slice_subnet(
    params: SupernetParams, space: SearchSpace, indices: Int[np.ndarray, " site"]
) -> SubnetParams:
    """Weights of one flattened architecture: kept layers and units alone."""
    stacked = params.encoder.layers

    def make_layer(number: int, values: dict[str, int]) -> LayerParams:
        return cut_layer(stacked, space, number, values)

    sliced = assemble(params, space, indices, make_layer)
    return dataclasses.replace(sliced, layers=jax.device_put(sliced.layers))


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
