"""Updates of low rank to queries and values, which change nothing when they are new.

`W + A B` with `A` to `r` numbers and `B` from them. The first ranks of an update are
one of lower rank, so the factor that the paper has, alpha / r, is left at 1: with it
the same weights would mean another update at every rank.

References:
    Hu et al., "LoRA: low-rank adaptation of large language models", 2021.
    https://arxiv.org/abs/2106.09685
    Valipour et al., "DyLoRA", 2023, whose ranks are nested like these.
    https://arxiv.org/abs/2210.07558
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, no_type_check

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.stage import Counts
from xlnas_jax.supernet.backward import product
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.stages.part import Part

LORA = "lora"
# Which affine maps have one, and the field of its weights.
FIELDS = {"query": "lora_query", "value": "lora_value"}


@struct.dataclass
@no_type_check
class LowRank:
    """Two matrices, the product of which is added to a kernel."""

    down: Float[Array, "..."]
    up: Float[Array, "..."]


def params(shape: EncoderShape, heads: Counts, rank: Counts) -> Counts:
    """Both matrices, for queries and for values."""
    return len(FIELDS) * rank * (shape.width + heads * shape.head_dim)


def flops(shape: EncoderShape, length: int, heads: Counts, rank: Counts) -> Counts:
    """Their products, as long as they are not merged."""
    return 2 * length * params(shape, heads, rank)


def widest(shape: EncoderShape, length: int, heads: Counts, rank: Counts) -> Counts:
    """What is between them, and what is added."""
    return len(FIELDS) * length * (rank + heads * shape.head_dim)


def init(normal: Any, shape: EncoderShape, values: Mapping[str, int]) -> dict[str, Any]:
    """New weights; those of the way back are zero, so that nothing is added."""
    layers, rank = shape.num_layers, values[LORA]
    return {
        field: LowRank(
            normal(layers, shape.width, rank),
            jnp.zeros((layers, rank, shape.num_heads, shape.head_dim)),
        )
        for field in FIELDS.values()
    }


def added(
    x: Float[Array, "batch seq model"],
    layer: LayerParams,
    name: str,
    masks: Mapping[str, Any],
) -> Float[Array, "batch seq head head_dim"] | None:
    """What is added to one of the affine maps; None where nothing is."""
    own = layer.more.get(FIELDS.get(name, ""))
    if own is None or not own.down.shape[-1]:
        return None
    inner = product(x, own.down.astype(x.dtype))
    if LORA in masks:
        inner = inner * masks[LORA].astype(x.dtype)[:, None, :]
    return product(inner, own.up.astype(x.dtype))


def merged(layer: LayerParams) -> LayerParams:
    """The same layer without the part: its products are in the kernels."""
    maps = {}
    for name, field in FIELDS.items():
        own = layer.more.get(field)
        if own is not None:
            dense = getattr(layer, name)
            kernel = dense.kernel + jnp.tensordot(own.down, own.up, 1)
            maps[name] = dataclasses.replace(dense, kernel=kernel)
    more = {n: one for n, one in layer.more.items() if n not in FIELDS.values()}
    return dataclasses.replace(layer, **maps, more=more)


PART = Part(
    name=LORA,
    words="LoRA of rank {}",
    unit="rank",
    axes=tuple(
        axes
        for field in FIELDS.values()
        for axes in (
            (f"{field}.down", "model rank"),
            (f"{field}.up", "rank head head_dim"),
        )
    ),
    params=params,
    flops=flops,
    widest=widest,
    init=init,
)
