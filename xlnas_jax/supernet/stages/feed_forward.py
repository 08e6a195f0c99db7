"""The feed-forward part: affine maps around an activation, with any of its neurons.

References:
    Vaswani et al., "Attention is all you need", 2017. https://arxiv.org/abs/1706.03762
    Hou et al., "DynaBERT", 2020. https://arxiv.org/abs/2004.04037
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.stage import Counts, Run, Stage, sizes
from xlnas_jax.supernet.backward import gelu
from xlnas_jax.supernet.layers import (
    Dropout,
    Hidden,
    TokenMask,
    drop,
    project,
)
from xlnas_jax.supernet.params import Dense, LayerParams
from xlnas_jax.supernet.pieces import norms

FFN = "ffn"
ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "gelu": gelu,
    "silu": jax.nn.silu,
}
AXES = (
    ("up.kernel", "model neuron"),
    ("up.bias", "neuron"),
    ("gate.kernel", "model neuron"),
    ("gate.bias", "neuron"),
    ("down.kernel", "neuron model"),
    ("down.bias", "model"),
    ("ffn_norm.scale", "model"),
    ("ffn_norm.bias", "model"),
)


def make_knobs(config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
    """Inner neurons kept; with none the layer has no feed-forward part."""
    choices = sizes(FFN, config.ffn, shape.ffn, "inner neurons")
    return (Knob(FFN, choices, shape.num_layers, needs_layer=True),)


def params(shape: EncoderShape, neurons: Counts) -> Counts:
    """Weights and biases of two affine maps, and a norm."""
    width, maps = shape.width, 1 + shape.spec.is_gated
    inner = shape.spec.has("up.bias") * maps * neurons
    biases = inner + shape.spec.has_biases * width
    kernels = (maps + 1) * width * neurons
    return (neurons > 0) * (kernels + biases + shape.norm_size)


def flops(shape: EncoderShape, length: int, neurons: Counts) -> Counts:
    """The affine maps."""
    return 2 * length * (2 + shape.spec.is_gated) * shape.width * neurons


def widest(shape: EncoderShape, length: int, neurons: Counts) -> Counts:
    """What the neurons are before and after the activation, and their gates."""
    return (2 + shape.spec.is_gated) * length * neurons


def feed_forward(
    x: Hidden,
    layer: LayerParams,
    shape: EncoderShape,
    neuron_mask: Float[Array, "#batch ffn"] | None = None,
    dropout: Dropout | None = None,
) -> Hidden:
    """Affine maps with an activation between them, residual sum and norm.

    Gated, what it gives is multiplied by another map of the same.
    """
    given = norms.read(x, layer.ffn_norm, shape)
    inner = ACTIVATIONS[shape.spec.activation](project(given, layer.up))
    if layer.gate is not None:
        inner = inner * project(given, layer.gate)
    if neuron_mask is not None:
        inner = inner * neuron_mask.astype(x.dtype)[:, None, :]
    output = drop(project(inner, layer.down), dropout, 2)
    return norms.added(x, output, layer.ffn_norm, shape)


def run(
    x: Hidden, layer: LayerParams, mask: TokenMask, shape: EncoderShape, how: Run
) -> Hidden:
    """Token by token."""
    del mask
    return feed_forward(x, layer, shape, how.masks.get(FFN), how.dropout)


def init(normal: Any, shape: EncoderShape, values: dict[str, int]) -> dict[str, Any]:
    """New weights at full size."""
    del values  # the model's own
    layers, width, inner = shape.num_layers, shape.width, shape.ffn

    def dense(name: str, inputs: int, outputs: int) -> Dense:
        has_bias = shape.spec.has(f"{name}.bias")
        bias = jnp.zeros((layers, outputs)) if has_bias else None
        return Dense(normal(layers, inputs, outputs), bias)

    return {
        "up": dense("up", width, inner),
        "down": dense("down", inner, width),
        "ffn_norm": norms.new_norm(shape, layers),
        "gate": dense("gate", width, inner) if shape.spec.is_gated else None,
    }


STAGE = Stage(
    name="ffn",
    make_knobs=make_knobs,
    knobs=(FFN,),
    words=("{} inner neurons",),
    units=((FFN, "neuron"),),
    axes=AXES,
    params=params,
    flops=flops,
    widest=widest,
    run=run,
    init=init,
)
