"""Self-attention over all tokens, with any number of its heads.

References:
    Vaswani et al., "Attention is all you need", 2017. https://arxiv.org/abs/1706.03762
    Michel et al., "Are sixteen heads really better than one?", 2019.
    https://arxiv.org/abs/1905.10650
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import RELATIVE, EncoderShape
from xlnas_jax.space.stage import Counts, Run, Stage, sizes
from xlnas_jax.supernet.layers import (
    Dropout,
    Hidden,
    TokenMask,
    drop,
    project,
)
from xlnas_jax.supernet.params import Dense, LayerParams
from xlnas_jax.supernet.pieces import norms, positions, relative
from xlnas_jax.supernet.stages import lora, prefix

HEADS, GROUPS = "heads", "groups"
NO_MASKS: Mapping[str, Any] = {}
Heads = Float[Array, "batch head seq head_dim"]
# Of weights: the axis along which heads lie.
UNITS = ((HEADS, "head"),)
AXES = (
    *((f"{name}.kernel", "model head head_dim") for name in ("query", "key", "value")),
    *((f"{name}.bias", "head head_dim") for name in ("query", "key", "value")),
    ("output.kernel", "head head_dim model"),
    ("output.bias", "model"),
    ("attention_norm.scale", "model"),
    ("attention_norm.bias", "model"),
    ("marks", "mark"),
)


def make_knobs(config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
    """Heads kept; with none the layer has no attention. Of grouped ones, see there."""
    if shape.spec.has_grouped_heads:
        return ()
    choices = sizes(HEADS, config.heads, shape.num_heads, "attention heads")
    return (Knob(HEADS, choices, shape.num_layers, needs_layer=True),)


def params(shape: EncoderShape, heads: Counts) -> Counts:
    """Weights and biases of four affine maps, and a norm."""
    width, inner = shape.width, heads * shape.head_dim
    biases = shape.spec.has_biases * (3 * inner + width)
    rest = shape.norm_size + shape.num_marks
    return (heads > 0) * (4 * width * inner + biases + rest)


def flops(shape: EncoderShape, length: int, heads: Counts) -> Counts:
    """The affine maps, and two products of every token with every other.

    And those with distances, where a family has them.
    """
    inner = heads * shape.head_dim
    plain = 2 * length * (4 * shape.width * inner + 2 * length * inner)
    rows = relative.num_rows(length, shape)
    if not rows:
        return plain
    # Distances pass the maps of queries and keys, and meet every token.
    return plain + 2 * 2 * inner * (rows * shape.width + 2 * length * length)


def widest(shape: EncoderShape, length: int, heads: Counts) -> Counts:
    """Queries, keys, values and contexts, scores and their weights."""
    plain = 4 * length * heads * shape.head_dim + 2 * heads * length * length
    rows = relative.num_rows(length, shape)
    products = 4 * length * length * (rows > 0)
    return plain + heads * (2 * rows * shape.head_dim + products)


def read(x: Hidden, layer: LayerParams, shape: EncoderShape) -> Hidden:
    """What attention reads of what passes through a layer."""
    given = norms.read(x, layer.attention_norm, shape)
    if not shape.spec.is_first_bare:
        return given
    return jnp.where(positions.is_marked(layer, positions.BARE), x, given)


def projected(
    x: Hidden, layer: LayerParams, masks: Mapping[str, Any], shape: EncoderShape
) -> tuple[Heads, Heads, Heads]:
    """Queries, keys and values of every head, with what is added at low rank.

    Where positions are rotary, queries and keys are turned.

    Heads before tokens: batched products over the last two axes run twice as fast on
    CPU, the copies of the transposition included.
    """
    one = functools.partial(_mapped, layer, masks, shape)
    query, key = (positions.rotated(one(n, x), layer, shape) for n in ("query", "key"))
    return query, key, one("value", x)


def _mapped(
    layer: LayerParams, masks: Mapping[str, Any], shape: EncoderShape, name: str, x: Any
) -> Heads:
    """What one of the maps gives of every head."""
    given, more = project(x, getattr(layer, name)), lora.added(x, layer, name, masks)
    given = given if more is None else given + more
    if shape.spec.has_grouped_heads:
        given = _by_head(given, name, shape)
    return given.transpose(0, 2, 1, 3)


def _by_head(
    given: Float[Array, "batch seq *rest"], name: str, shape: EncoderShape
) -> Float[Array, "batch seq head head_dim"]:
    """Of every head, where groups of them share keys and values."""
    if name == "query":
        return given.reshape(*given.shape[:2], -1, given.shape[-1])
    return jnp.repeat(given, shape.group_size, axis=2)


def finished(
    x: Hidden,
    layer: LayerParams,
    query: Heads,
    context: Heads,
    shape: EncoderShape,
    masks: Mapping[str, Any],
    dropout: Dropout | None,
) -> Hidden:
    """From the contexts of the tokens to what the stage gives.

    `heads` of the masks multiplies each head's context, so that a masked head adds
    exactly what a missing one does: nothing. Its batch axis is 1 unless examples
    differ.
    """
    more = prefix.added(query, layer, masks)
    context = context if more is None else context + more
    context = context.astype(x.dtype).transpose(0, 2, 1, 3)
    if HEADS in masks:
        context = context * masks[HEADS].astype(x.dtype)[:, None, :, None]
    axes = 2
    if shape.spec.has_grouped_heads:
        axes, size = 3, (*context.shape[:2], -1, shape.group_size, context.shape[-1])
        context = context.reshape(size)
    if GROUPS in masks:
        context = context * masks[GROUPS].astype(x.dtype)[:, None, :, None, None]
    output = drop(project(context, layer.output, axes), dropout, 1)
    return norms.added(x, output, layer.attention_norm, shape)


def attention(
    x: Hidden,
    layer: LayerParams,
    mask: TokenMask,
    shape: EncoderShape,
    masks: Mapping[str, Any] = NO_MASKS,
    dropout: Dropout | None = None,
    band: Float[Array, "seq seq"] | None = None,
) -> Hidden:
    """Self-attention, residual sum and norm.

    `band` multiplies what each token gives to each other one, before they are
    normalised.
    """
    query, key, value = projected(read(x, layer, shape), layer, masks, shape)
    scores = jnp.matmul(query, key.swapaxes(-1, -2), preferred_element_type=jnp.float32)
    # A finite fill: with -inf a fully padded row would turn into NaN.
    fill = jnp.asarray(jnp.finfo(jnp.float32).min / 2, jnp.float32)
    terms = 1
    if shape.spec.positions == RELATIVE:
        own = functools.partial(_mapped, layer, masks, shape)
        scores = scores + relative.distances(query, key, layer, own, shape)
        terms = relative.TERMS
    scores = scores * ((terms * query.shape[-1]) ** -0.5)
    is_seen = positions.within(mask[:, None, None, :], layer, shape)
    if band is not None:
        # What lies outside must not set the scale of what lies inside.
        is_seen = is_seen & (band > 0)[None, None]
    scores = jnp.where(is_seen, scores, fill)
    # Softmax, but divided by its sum after the product: that array is smaller.
    top = jax.lax.stop_gradient(scores.max(-1, keepdims=True))
    weights = jnp.exp(scores - top)
    if band is not None:
        weights = weights * band[None, None]
    total = weights.sum(-1, keepdims=True)
    weights = drop(weights.astype(x.dtype), dropout, 0)
    context = jnp.matmul(weights, value, preferred_element_type=jnp.float32)
    return finished(x, layer, query, context / total, shape, masks, dropout)


def run(
    x: Hidden, layer: LayerParams, mask: TokenMask, shape: EncoderShape, how: Run
) -> Hidden:
    """Over all tokens."""
    return attention(x, layer, mask, shape, how.masks, how.dropout)


def init(normal: Any, shape: EncoderShape, values: dict[str, int]) -> dict[str, Any]:
    """New weights at full size."""
    del values  # the model's own
    layers, width = shape.num_layers, shape.width
    heads, size = shape.num_heads, shape.head_dim

    def dense(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Dense:
        bias = jnp.zeros((layers, *outputs)) if shape.spec.has_biases else None
        return Dense(normal(layers, *inputs, *outputs), bias)

    marks, queries, keys = positions.marks_of(shape), (heads, size), (heads, size)
    if shape.spec.has_grouped_heads:
        keys = (shape.num_groups, size)
        queries = (shape.num_groups, shape.group_size, size)
    return {
        "query": dense((width,), queries),
        "key": dense((width,), keys),
        "value": dense((width,), keys),
        "output": dense(queries, (width,)),
        "attention_norm": norms.new_norm(shape, layers),
        "marks": None if marks is None else jnp.asarray(marks),
    }


STAGE = Stage(
    name="attention",
    make_knobs=make_knobs,
    knobs=(HEADS,),
    words=("{} heads",),
    units=UNITS,
    axes=AXES,
    params=params,
    flops=flops,
    widest=widest,
    run=run,
    init=init,
)
