"""The supernet over weighted choices, for gradients in the architecture itself.

An architecture is relaxed by giving every choice of every site a weight. Where the
weights of each site are one-hot this is `Supernet.apply`; between, there are two
executions. Sizes are prefixes, so that a mixture of them is one layer under the
weighted mask `sum_k w_k [i < c_k]`; a kept layer is a gate, `x + w_keep (layer(x) -
x)`; poolings are summed.

*Masked*: all choices at once, at full size. Every weight has a gradient.

*Sliced*: only the path that was chosen, at its own sizes, for weights that are one-hot
there. Masks and gates are the same, as far as they are run: of smaller sizes than the
chosen one the gradient is that of the masked execution, of larger ones no more is known
than of the chosen one, and of a skipped layer nothing.

(GDAS multiplies all that an operation gives by its weight. Of sizes that contain one
another more can be said: whether what the larger one adds is worth having.)

References:
    Liu et al., "DARTS: Differentiable Architecture Search", 2019.
    https://arxiv.org/abs/1806.09055
    Dong and Yang, "Searching for a Robust Neural Architecture in Four GPU Hours"
    (GDAS), 2019. https://arxiv.org/abs/1910.04465
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import Knob, SearchSpace
from xlnas_jax.supernet.heads import Pooled, pool, read_out
from xlnas_jax.supernet.layers import (
    Hidden,
    TokenMask,
    attention,
    embed,
    feed_forward,
    slice_layer,
)
from xlnas_jax.supernet.params import HeadParams, LayerParams, SupernetParams
from xlnas_jax.supernet.supernet import DTYPES, Form
from xlnas_jax.types import Batch

Weights = Float[Array, "site choice"]
# `(params, batch, weights, chosen) -> logits`; the masked form chooses nothing.
RelaxedApply = Callable[..., Float[Array, "..."]]
# For each of the knobs, a weight for each of its own choices.
KnobWeights = dict[str, Float[Array, "*site _"]]
KnobChoices = dict[str, Int[Array, "*site"]]
SizeMask = Float[Array, "1 size"]
Branch = Callable[[Hidden, LayerParams, TokenMask, SizeMask], Hidden]
LAYER_KNOBS = ("keep", "heads", "ffn")


def straight_through(probabilities: Weights, chosen: Int[Array, " site"]) -> Weights:
    """One-hot weights, exactly, with the gradient of the probabilities."""
    hard = jax.nn.one_hot(chosen, probabilities.shape[1], dtype=probabilities.dtype)
    # In this order: the difference is an exact zero, `1 - p + p` may not be 1.
    return hard + (probabilities - jax.lax.stop_gradient(probabilities))


def make_relaxed(
    space: SearchSpace,
    shape: EncoderShape,
    form: Form = "masked",
    precision: str = "fp32",
    remat: bool = False,
) -> RelaxedApply:
    """Builds `(params, batch, weights, chosen) -> logits` of one of the executions.

    Rows of `weights` are padded to the longest site; what stands there is not read.

    Args:
        remat: recompute the activations of masked layers in the backward pass; those
            of sliced ones always are (see `encoder.make_sliced_block`).
    """
    if form == "sliced":
        block = _make_sliced_block(space, shape)
    else:
        block = _make_masked_block(space, shape)
        block = jax.checkpoint(block) if remat else block
    poolings = tuple(str(name) for name in space.knob("pooling").choices)

    def apply(
        params: SupernetParams,
        batch: Batch,
        weights: Weights,
        chosen: Int[Array, " site"] | None = None,
    ) -> Float[Array, "..."]:
        own = {k.name: _of_knob(space, k, weights) for k in space.knobs}
        picked = _picked(space, chosen)
        x = embed(
            params.encoder.embeddings,
            shape,
            batch.tokens,
            batch.segments,
            DTYPES[precision],
        )
        x = _scan(block, params.encoder.layers, own, picked, x, batch.mask)

        def pool_sentence(x: Hidden, mask: TokenMask, head: HeadParams) -> Pooled:
            # All of them, in either form: beside a layer they cost next to nothing.
            pooled = jnp.stack([pool(x, mask, head, name) for name in poolings])
            return jnp.einsum("p,pbm->bm", own["pooling"][0], pooled)

        return read_out(x, batch.mask, params.head, pool_sentence, batch.head)

    return apply


def _of_knob(space: SearchSpace, knob: Knob, weights: Weights) -> Float[Array, "own _"]:
    return weights[space.columns(knob.name), : len(knob.choices)]


def _picked(space: SearchSpace, chosen: Int[Array, " site"] | None) -> KnobChoices:
    """The chosen indices by knob; none where nothing was chosen."""
    return {} if chosen is None else dict(space.unflatten(chosen).choices)


def _scan(
    block: Callable[..., Hidden],
    layers: LayerParams,
    weights: KnobWeights,
    chosen: KnobChoices,
    x: Hidden,
    mask: TokenMask,
) -> Hidden:
    """Runs the layers one after another."""
    own = {name: weights[name] for name in LAYER_KNOBS}
    picked = {name: chosen[name] for name in LAYER_KNOBS if name in chosen}

    def body(x: Hidden, inputs: tuple[LayerParams, KnobWeights, KnobChoices]):
        return block(x, mask, *inputs), None

    return jax.lax.scan(body, x, (layers, own, picked))[0]


def _make_masked_block(space: SearchSpace, shape: EncoderShape):
    """One layer at full size under weighted prefix masks."""
    masks = _make_masks(space, shape)
    keep = jnp.asarray(space.knob("keep").choices, jnp.float32)

    def block(
        x: Hidden,
        mask: TokenMask,
        layer: LayerParams,
        weights: KnobWeights,
        chosen: KnobChoices,
    ) -> Hidden:
        del chosen
        head_mask, neuron_mask = masks(weights)
        y = attention(x, layer, mask, shape.norm_epsilon, head_mask)
        y = feed_forward(y, layer, shape.norm_epsilon, neuron_mask)
        return x + (weights["keep"] @ keep).astype(x.dtype) * (y - x)

    return block


def _make_masks(space: SearchSpace, shape: EncoderShape):
    """Weighted masks of heads and of neurons, one row each."""
    heads = _prefixes(space.knob("heads"), shape.num_heads)
    neurons = _prefixes(space.knob("ffn"), shape.ffn)

    def masks(weights: KnobWeights):
        return (weights["heads"] @ heads)[None], (weights["ffn"] @ neurons)[None]

    return masks


def _prefixes(knob: Knob, size: int) -> Float[Array, "choice size"]:
    """For each choice of a size, ones at what it keeps."""
    kept = np.asarray(knob.choices)[:, None] > np.arange(size)[None]
    return jnp.asarray(kept, jnp.float32)


def _make_sliced_block(space: SearchSpace, shape: EncoderShape):
    """One layer at the sizes that were chosen, rematerialised as in `encoder`."""
    masks = _make_masks(space, shape)
    attends, feeds = _make_branches(space, shape)
    keep = jnp.asarray(space.knob("keep").choices, jnp.int32)

    def block(
        x: Hidden,
        mask: TokenMask,
        layer: LayerParams,
        weights: KnobWeights,
        chosen: KnobChoices,
    ) -> Hidden:
        head_mask, neuron_mask = masks(weights)
        is_kept = keep[chosen["keep"]]
        heads, ffn = (is_kept * (chosen[name] + 1) for name in ("heads", "ffn"))
        y = jax.lax.switch(heads, attends, x, layer, mask, head_mask)
        y = jax.lax.switch(ffn, feeds, y, layer, mask, neuron_mask)
        gate = weights["keep"][chosen["keep"]].astype(x.dtype)
        # The gate is 1: nothing is added but its gradient.
        return y + (gate - 1) * (y - x)

    return block


def _make_branches(
    space: SearchSpace, shape: EncoderShape
) -> tuple[list[Branch], list[Branch]]:
    """Half layers under their part of a mask, at each size; the first does nothing."""

    def attend(size: int) -> Branch:
        def branch(x: Hidden, layer: LayerParams, mask: TokenMask, kept: SizeMask):
            part = slice_layer(layer, size, shape.ffn)
            return attention(x, part, mask, shape.norm_epsilon, kept[:, :size])

        return jax.checkpoint(branch)

    def feed(size: int) -> Branch:
        def branch(x: Hidden, layer: LayerParams, mask: TokenMask, kept: SizeMask):
            part = slice_layer(layer, shape.num_heads, size)
            return feed_forward(x, part, shape.norm_epsilon, kept[:, :size])

        return jax.checkpoint(branch)

    def skip(x: Hidden, layer: LayerParams, mask: TokenMask, kept: SizeMask) -> Hidden:
        return x

    heads, ffn = space.knob("heads").choices, space.knob("ffn").choices
    attends = [skip, *(attend(int(size)) for size in heads)]
    return attends, [skip, *(feed(int(size)) for size in ffn)]
