"""The elastic encoder: one architecture, three executions of the same layers.

`make_sliced_block` pays only for the candidate's own sizes: `lax.switch` picks a
branch with static weight slices. `make_masked_block` pays for the full network
but has one shape for all candidates, so that `vmap` can run many at once. Both
are scanned over the stacked layers, and a test holds them equal.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import Knob, SearchSpace
from xlnas_jax.supernet.layers import (
    Dropout,
    Hidden,
    TokenMask,
    attention,
    feed_forward,
    slice_layer,
)
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.types import Architecture

LayerChoices = dict[str, Int[Array, ""]]
Block = Callable[[Hidden, LayerParams, TokenMask, LayerChoices], Hidden]
Stage = Callable[[Hidden, LayerParams, Int[Array, ""], TokenMask], Hidden]


def _value(knob: Knob, index: Int[Array, ""]) -> Int[Array, ""]:
    """The number a choice index stands for."""
    return jnp.asarray(knob.choices, jnp.int32)[index]


def make_sliced_block(
    space: SearchSpace, shape: EncoderShape, remat: bool = False
) -> Block:
    """One layer at the candidate's own size.

    With `remat` every branch is rematerialised in the backward pass: without it
    `lax.switch` keeps (and zero-fills) the residuals of all its branches.
    """
    keep, heads, ffn = (space.knob(name) for name in ("keep", "heads", "ffn"))
    wrap = jax.checkpoint if remat else lambda f: f

    def attend(size: int):
        def branch(x: Hidden, layer: LayerParams, mask: TokenMask) -> Hidden:
            part = slice_layer(layer, size, shape.ffn)
            return attention(x, part, mask, shape.norm_epsilon)

        return wrap(branch)

    def feed(size: int):
        def branch(x: Hidden, layer: LayerParams, mask: TokenMask) -> Hidden:
            part = slice_layer(layer, shape.num_heads, size)
            return feed_forward(x, part, shape.norm_epsilon)

        return wrap(branch)

    def skip(x: Hidden, layer: LayerParams, mask: TokenMask) -> Hidden:
        return x

    attends = [skip, *(attend(int(size)) for size in heads.choices)]
    feeds = [skip, *(feed(int(size)) for size in ffn.choices)]

    def block(
        x: Hidden, layer: LayerParams, mask: TokenMask, choices: LayerChoices
    ) -> Hidden:
        is_kept = _value(keep, choices["keep"])
        x = jax.lax.switch(is_kept * (choices["heads"] + 1), attends, x, layer, mask)
        return jax.lax.switch(is_kept * (choices["ffn"] + 1), feeds, x, layer, mask)

    return block


def make_stages(space: SearchSpace, shape: EncoderShape) -> list[Stage]:
    """Half layers by number of heads, then by inner width, each at its own size.

    A stage takes all layers and the position of its own, and reads no more of the
    weights than it needs.
    """

    def attend(size: int) -> Stage:
        def stage(x: Hidden, layers: LayerParams, layer, mask: TokenMask) -> Hidden:
            part = slice_layer(_take(layers, layer), size, shape.ffn)
            return attention(x, part, mask, shape.norm_epsilon)

        return stage

    def feed(size: int) -> Stage:
        def stage(x: Hidden, layers: LayerParams, layer, mask: TokenMask) -> Hidden:
            part = slice_layer(_take(layers, layer), shape.num_heads, size)
            return feed_forward(x, part, shape.norm_epsilon)

        return stage

    heads, ffn = space.knob("heads").choices, space.knob("ffn").choices
    return [
        *(attend(int(size)) for size in heads),
        *(feed(int(size)) for size in ffn),
    ]


def _take(layers: LayerParams, layer: Int[Array, ""]) -> LayerParams:
    """One layer of the stacked weights; what a stage does not use is never read."""
    return jax.tree.map(
        lambda leaf: jax.lax.dynamic_index_in_dim(leaf, layer, keepdims=False), layers
    )


def make_masked_block(space: SearchSpace, shape: EncoderShape) -> Block:
    """One layer at full size, with what the candidate lacks masked out."""
    keep, heads, ffn = (space.knob(name) for name in ("keep", "heads", "ffn"))

    def prefix(size: int, kept: Int[Array, ""]):
        return (jnp.arange(size, dtype=jnp.int32) < kept).astype(jnp.float32)[None]

    def block(
        x: Hidden, layer: LayerParams, mask: TokenMask, choices: LayerChoices
    ) -> Hidden:
        head_mask = prefix(shape.num_heads, _value(heads, choices["heads"]))
        neuron_mask = prefix(shape.ffn, _value(ffn, choices["ffn"]))
        y = attention(x, layer, mask, shape.norm_epsilon, head_mask)
        y = feed_forward(y, layer, shape.norm_epsilon, neuron_mask)
        return jnp.where(_value(keep, choices["keep"]) == 1, y, x)

    return block


def encode(
    block: Block,
    space: SearchSpace,
    layers: LayerParams,
    arch: Architecture,
    x: Hidden,
    mask: TokenMask,
) -> Hidden:
    """Runs one architecture's layers over embedded tokens."""
    names = [knob.name for knob in space.knobs if knob.name in ("keep", "heads", "ffn")]
    choices = {name: arch[name] for name in names}

    def body(x: Hidden, inputs: tuple[LayerParams, LayerChoices]):
        layer, chosen = inputs
        return block(x, layer, mask, chosen), None

    return jax.lax.scan(body, x, (layers, choices))[0]


def encode_full(
    layers: LayerParams,
    shape: EncoderShape,
    x: Hidden,
    mask: TokenMask,
    key: Key[Array, ""] | None = None,
    dropout: float = 0.0,
    remat: bool = False,
) -> Hidden:
    """Runs the full network, with dropout where a key is given."""
    has_dropout = key is not None and dropout > 0.0
    base = key if key is not None else jax.random.key(0)

    def body(x: Hidden, inputs: tuple[LayerParams, Int[Array, ""]]):
        layer, index = inputs
        drop = Dropout(jax.random.fold_in(base, index), dropout)
        drop = drop if has_dropout else None
        x = attention(x, layer, mask, shape.norm_epsilon, dropout=drop)
        return feed_forward(x, layer, shape.norm_epsilon, dropout=drop), None

    body = jax.checkpoint(body) if remat else body
    indices = jnp.arange(shape.num_layers, dtype=jnp.int32)
    return jax.lax.scan(body, x, (layers, indices))[0]
