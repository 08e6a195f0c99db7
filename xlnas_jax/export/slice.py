"""From the shared weights to one architecture's own."""

import dataclasses

import jax
import numpy as np
from jaxtyping import Int

from xlnas_jax.export.params import SubnetParams
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.layers import slice_layer
from xlnas_jax.supernet.params import LayerParams, SupernetParams


def slice_subnet(
    params: SupernetParams,
    space: SearchSpace,
    shape: EncoderShape,
    indices: Int[np.ndarray, " site"],
) -> SubnetParams:
    """Weights of one flattened architecture: kept layers, heads and neurons alone."""
    values = space.values(indices)
    stacked = params.encoder.layers
    layers = [
        slice_layer(_layer(stacked, i), int(heads), int(ffn))
        for i, (keep, heads, ffn) in enumerate(
            zip(values["keep"], values["heads"], values["ffn"], strict=True)
        )
        if keep
    ]
    head = params.head
    if values["pooling"][0] != "attentive":
        head = dataclasses.replace(head, attentive=None)
    kept = jax.device_put(tuple(layers))
    return SubnetParams(params.encoder.embeddings, kept, head)


def _layer(stacked: LayerParams, index: int) -> LayerParams:
    """On the host: on the device every cut would compile a program of its own."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], stacked)
