"""A bottleneck after the feed-forward part, which changes nothing when it is new.

References:
    Houlsby et al., "Parameter-efficient transfer learning for NLP", 2019.
    https://arxiv.org/abs/1902.00751
    Pfeiffer et al., "MAD-X", 2020. https://arxiv.org/abs/2005.00052
"""

from typing import Any

import jax.numpy as jnp

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.stage import Counts, Run, Stage, new_units
from xlnas_jax.supernet.backward import gelu
from xlnas_jax.supernet.layers import Hidden, TokenMask, project
from xlnas_jax.supernet.params import Dense, LayerParams

ADAPTER = "adapter"
DOWN, UP = "adapter_down", "adapter_up"


def make_knobs(config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
    """Neurons of the bottleneck; with none there is no adapter."""
    return new_units(ADAPTER, config, shape)


def params(shape: EncoderShape, neurons: Counts) -> Counts:
    """Weights and biases of two affine maps."""
    return (neurons > 0) * (2 * shape.width * neurons + neurons + shape.width)


def flops(shape: EncoderShape, length: int, neurons: Counts) -> Counts:
    """The affine maps."""
    return 2 * length * (2 * shape.width * neurons)


def widest(shape: EncoderShape, length: int, neurons: Counts) -> Counts:
    """What the neurons are before and after the GELU."""
    return 2 * length * neurons


def run(
    x: Hidden, layer: LayerParams, mask: TokenMask, shape: EncoderShape, how: Run
) -> Hidden:
    """Token by token, added to what it reads."""
    del mask, shape
    inner = gelu(project(x, layer.more[DOWN]))
    if ADAPTER in how.masks:
        inner = inner * how.masks[ADAPTER].astype(x.dtype)[:, None, :]
    return x + project(inner, layer.more[UP])


def init(normal: Any, shape: EncoderShape, values: dict[str, int]) -> dict[str, Any]:
    """New weights; those of the way back are zero, so that nothing is added."""
    layers, width, inner = shape.num_layers, shape.width, values[ADAPTER]
    return {
        DOWN: Dense(normal(layers, width, inner), jnp.zeros((layers, inner))),
        UP: Dense(jnp.zeros((layers, inner, width)), jnp.zeros((layers, width))),
    }


STAGE = Stage(
    name="adapter",
    make_knobs=make_knobs,
    knobs=(ADAPTER,),
    words=("an adapter of {} neurons",),
    units=((ADAPTER, "bottleneck"),),
    axes=(
        (f"{DOWN}.kernel", "model bottleneck"),
        (f"{DOWN}.bias", "bottleneck"),
        (f"{UP}.kernel", "bottleneck model"),
        (f"{UP}.bias", "model"),
    ),
    params=params,
    flops=flops,
    widest=widest,
    run=run,
    init_new=init,
)
