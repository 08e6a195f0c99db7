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

from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Run, Stage
from xlnas_jax.supernet.encoder import choices_of, may_be_absent
from xlnas_jax.supernet.heads import Pooled, pool, read_out
from xlnas_jax.supernet.layers import Hidden, TokenMask, embed_every
from xlnas_jax.supernet.params import HeadParams, LayerParams, SupernetParams
from xlnas_jax.supernet.pieces.norms import closed
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.supernet.stages.pooling import POOLING
from xlnas_jax.supernet.stages.vocabulary import VOCABULARY, is_chosen
from xlnas_jax.supernet.supernet import DTYPES, Form
from xlnas_jax.supernet.units import cut
from xlnas_jax.types import Batch

Weights = Float[Array, "site choice"]
# `(params, batch, weights, chosen) -> logits`; the masked form chooses nothing.
RelaxedApply = Callable[..., Float[Array, "..."]]
# For each of the knobs, a weight for each of its own choices.
KnobWeights = dict[str, Float[Array, "*site _"]]
KnobChoices = dict[str, Int[Array, "*site"]]
Masks = dict[str, Float[Array, "..."]]
Branch = Callable[[Hidden, LayerParams, TokenMask, Masks], Hidden]


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
    poolings = tuple(str(name) for name in space.knob(POOLING).choices)

    def apply(
        params: SupernetParams,
        batch: Batch,
        weights: Weights,
        chosen: Int[Array, " site"] | None = None,
    ) -> Float[Array, "..."]:
        own = {k.name: _of_knob(space, k, weights) for k in space.knobs}
        picked = _picked(space, chosen)
        x = embed_every(
            params.encoder.embeddings,
            shape,
            batch.tokens,
            batch.segments,
            DTYPES[precision],
        )
        if is_chosen(space):
            x = jnp.einsum("c,btcm->btm", own[VOCABULARY][0].astype(x.dtype), x)
        layers = layers_of(params.encoder, shape)
        x = _scan(space, block, layers, own, picked, x, batch.mask)
        x = closed(x, params.encoder.final_norm, shape)

        def pool_sentence(x: Hidden, mask: TokenMask, head: HeadParams) -> Pooled:
            # All of them, in either form: beside a layer they cost next to nothing.
            pooled = jnp.stack([pool(x, mask, head, name) for name in poolings])
            return jnp.einsum("p,pbm->bm", own[POOLING][0], pooled)

        return read_out(x, batch.mask, params.head, pool_sentence, batch.head)

    return apply


def _of_knob(space: SearchSpace, knob: Knob, weights: Weights) -> Float[Array, "own _"]:
    return weights[space.columns(knob.name), : len(knob.choices)]


def _picked(space: SearchSpace, chosen: Int[Array, " site"] | None) -> KnobChoices:
    """The chosen indices by knob; none where nothing was chosen."""
    return {} if chosen is None else dict(space.unflatten(chosen).choices)


def _scan(
    space: SearchSpace,
    block: Callable[..., Hidden],
    layers: LayerParams,
    weights: KnobWeights,
    chosen: KnobChoices,
    x: Hidden,
    mask: TokenMask,
) -> Hidden:
    """Runs the layers one after another."""
    names = (space.gate.name, *space.stage_knobs)
    own = {name: weights[name] for name in names}
    picked = {name: chosen[name] for name in names if name in chosen}

    def body(x: Hidden, inputs: tuple[LayerParams, KnobWeights, KnobChoices]):
        return block(x, mask, *inputs), None

    return jax.lax.scan(body, x, (layers, own, picked))[0]


def _make_masked_block(space: SearchSpace, shape: EncoderShape):
    """One layer at full size under weighted masks."""
    gate = np.asarray(space.gate.choices, jnp.float32)
    make_masks = [_make_masks(space, stage) for stage in space.stages]
    presence = [_make_presence(space, stage) for stage in space.stages]

    def block(
        x: Hidden,
        mask: TokenMask,
        layer: LayerParams,
        weights: KnobWeights,
        chosen: KnobChoices,
    ) -> Hidden:
        del chosen
        y = x
        for stage, masks, present in zip(
            space.stages, make_masks, presence, strict=True
        ):
            how = Run(masks=masks(weights), choices=choices_of(space, stage))
            z = stage.run(y, layer, mask, shape, how)
            y = z if present is None else y + present(weights).astype(y.dtype) * (z - y)
        return x + (weights[space.gate.name] @ jnp.asarray(gate)).astype(x.dtype) * (
            y - x
        )

    return block


def _make_masks(space: SearchSpace, stage: Stage):
    """Weighted masks of a stage's units, one row each; weights of its other knobs."""
    units = dict(stage.units)
    prefixes = {name: _prefixes(space.knob(name)) for name in units}

    def masks(weights: KnobWeights) -> dict[str, Float[Array, "..."]]:
        return {
            name: (weights[name] @ prefixes[name])[None]
            if name in units
            else weights[name]
            for name in stage.knobs
        }

    return masks


def _make_presence(space: SearchSpace, stage: Stage):
    """The weight of the choices with which a stage is there; None where all are."""
    if not may_be_absent(space, stage):
        return None
    there = {
        name: jnp.asarray(np.asarray(space.knob(name).choices) != 0, jnp.float32)
        for name in stage.needed
    }

    def present(weights: KnobWeights) -> Float[Array, ""]:
        return jnp.prod(jnp.stack([weights[name] @ own for name, own in there.items()]))

    return present


def _prefixes(knob: Knob) -> Float[Array, "choice size"]:
    """For each choice of a number of units, ones at what it keeps."""
    size = int(knob.choices[-1])
    kept = np.asarray(knob.choices)[:, None] > np.arange(size)[None]
    return jnp.asarray(kept, jnp.float32)


def _make_sliced_block(space: SearchSpace, shape: EncoderShape):
    """One layer at the sizes that were chosen, rematerialised as in `encoder`."""
    gate = np.asarray(space.gate.choices, np.int32)
    made = [
        (
            stage,
            _make_masks(space, stage),
            _make_presence(space, stage),
            _make_branches(space, shape, stage),
        )
        for stage in space.stages
    ]

    def block(
        x: Hidden,
        mask: TokenMask,
        layer: LayerParams,
        weights: KnobWeights,
        chosen: KnobChoices,
    ) -> Hidden:
        is_kept = jnp.asarray(gate)[chosen[space.gate.name]]
        y = x
        for stage, masks, present, branches in made:
            option = is_kept * (space.option(stage, chosen) + 1)
            z = jax.lax.switch(option, branches, y, layer, mask, masks(weights))
            if present is not None:
                # The weight is that of what was chosen: nothing but its gradient.
                is_there = jax.lax.stop_gradient(present(weights))
                z = z + ((present(weights) - is_there).astype(y.dtype)) * (z - y)
            y = z
        kept = weights[space.gate.name][chosen[space.gate.name]].astype(x.dtype)
        # The gate is 1: nothing is added but its gradient.
        return y + (kept - 1) * (y - x)

    return block


def _make_branches(
    space: SearchSpace, shape: EncoderShape, stage: Stage
) -> list[Branch]:
    """A stage under its part of the masks, at each option; the first does nothing."""

    def make(values: dict[str, int]) -> Branch:
        def branch(x: Hidden, layer: LayerParams, mask: TokenMask, masks: Masks):
            part = cut(layer, stage, values)
            own = {name: masks[name][:, : values[name]] for name, _ in stage.units}
            rest = {name: masks[name] for name in stage.knobs if name not in own}
            how = Run(masks={**own, **rest}, choices=choices_of(space, stage))
            return stage.run(x, part, mask, shape, how)

        return jax.checkpoint(branch)

    def skip(x: Hidden, layer: LayerParams, mask: TokenMask, masks: Masks) -> Hidden:
        return x

    options = space.options(stage)
    return [skip, *(skip if stage.is_absent(v) else make(v) for v in options)]
