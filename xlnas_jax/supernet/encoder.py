"""The elastic encoder: one architecture, three executions of the same layers.

`make_sliced_block` pays only for the candidate's own sizes: `lax.switch` picks a
branch with static weight slices. `make_masked_block` pays for the full network
but has one shape for all candidates, so that `vmap` can run many at once. Both
are scanned over the stacked layers, and a test holds them equal.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Run, Stage
from xlnas_jax.supernet.layers import Dropout, Hidden, TokenMask
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.stages.registry import PRETRAINED
from xlnas_jax.supernet.units import cut
from xlnas_jax.types import Architecture

LayerChoices = dict[str, Int[Array, ""]]
# Of the output of one layer.
Look = Callable[[Hidden], Any]
Block = Callable[[Hidden, LayerParams, TokenMask, LayerChoices], Hidden]
Operation = Callable[[Hidden, LayerParams, Int[Array, ""], TokenMask], Hidden]


def run_stage(
    stage: Stage,
    shape: EncoderShape,
    values: Mapping[str, int],
    x: Hidden,
    layer: LayerParams,
    mask: TokenMask,
) -> Hidden:
    """One stage at its own size."""
    if stage.is_absent(values):
        return x
    return stage.run(x, cut(layer, stage, values), mask, shape, Run(values=values))


def make_sliced_block(
    space: SearchSpace, shape: EncoderShape, remat: bool = False
) -> Block:
    """One layer at the candidate's own size.

    With `remat` every branch is rematerialised in the backward pass: without it
    `lax.switch` keeps (and zero-fills) the residuals of all its branches.
    """
    wrap = jax.checkpoint if remat else lambda f: f

    def make_branch(stage: Stage, values: dict[str, int]):
        return wrap(functools.partial(run_stage, stage, shape, values))

    def skip(x: Hidden, layer: LayerParams, mask: TokenMask) -> Hidden:
        return x

    branches = [
        [skip, *(make_branch(stage, values) for values in space.options(stage))]
        for stage in space.stages
    ]
    gate = np.asarray(space.gate.choices, np.int32)

    def block(
        x: Hidden, layer: LayerParams, mask: TokenMask, choices: LayerChoices
    ) -> Hidden:
        is_kept = jnp.asarray(gate)[choices[space.gate.name]]
        for stage, own in zip(space.stages, branches, strict=True):
            option = space.option(stage, choices)
            x = jax.lax.switch(is_kept * (option + 1), own, x, layer, mask)
        return x

    return block


def make_operations(space: SearchSpace, shape: EncoderShape) -> list[Operation]:
    """Every stage with each of its options in order, each at its own size.

    An operation takes all layers and the position of its own, and reads no more of
    the weights than it needs.
    """

    def make(stage: Stage, values: dict[str, int]) -> Operation:
        def operate(x: Hidden, layers: LayerParams, layer, mask: TokenMask) -> Hidden:
            return run_stage(stage, shape, values, x, _take(layers, layer), mask)

        return operate

    return [
        make(stage, values) for stage in space.stages for values in space.options(stage)
    ]


def _take(layers: LayerParams, layer: Int[Array, ""]) -> LayerParams:
    """One layer of the stacked weights; what a stage does not use is never read."""
    return jax.tree.map(
        lambda leaf: jax.lax.dynamic_index_in_dim(leaf, layer, keepdims=False), layers
    )


def make_masked_block(space: SearchSpace, shape: EncoderShape) -> Block:
    """One layer at full size, with what the candidate lacks masked out."""
    gate = np.asarray(space.gate.choices, np.int32)

    def value(name: str, choices: LayerChoices) -> Int[Array, ""]:
        return jnp.asarray(space.knob(name).choices, jnp.int32)[choices[name]]

    def masks_of(stage: Stage, choices: LayerChoices) -> dict[str, Array]:
        made = {}
        units = dict(stage.units)
        for name in stage.knobs:
            knob = space.knob(name)
            if name in units:
                places = jnp.arange(int(knob.choices[-1]), dtype=jnp.int32)
                made[name] = (places < value(name, choices)).astype(jnp.float32)[None]
            else:
                made[name] = jax.nn.one_hot(choices[name], len(knob.choices))
        return made

    def block(
        x: Hidden, layer: LayerParams, mask: TokenMask, choices: LayerChoices
    ) -> Hidden:
        y = x
        for stage in space.stages:
            how = Run(masks=masks_of(stage, choices), choices=choices_of(space, stage))
            z = stage.run(y, layer, mask, shape, how)
            if may_be_absent(space, stage):
                is_there = [value(name, choices) > 0 for name in stage.needed]
                z = jnp.where(functools.reduce(jnp.logical_and, is_there), z, y)
            y = z
        return jnp.where(jnp.asarray(gate)[choices[space.gate.name]] == 1, y, x)

    return block


def choices_of(space: SearchSpace, stage: Stage) -> dict[str, tuple[int, ...]]:
    """All values of the knobs of a stage that count no units."""
    units = dict(stage.units)
    return {
        name: tuple(int(value) for value in space.knob(name).choices)
        for name in stage.knobs
        if name not in units
    }


def may_be_absent(space: SearchSpace, stage: Stage) -> bool:
    """Whether some choice leaves out the stage."""
    return any(stage.is_absent(values) for values in space.options(stage))


def encode(
    block: Block,
    space: SearchSpace,
    layers: LayerParams,
    arch: Architecture,
    x: Hidden,
    mask: TokenMask,
) -> Hidden:
    """Runs one architecture's layers over embedded tokens."""
    return encode_seen(block, space, layers, arch, x, mask, lambda x: None)[0]


def encode_seen(
    block: Block,
    space: SearchSpace,
    layers: LayerParams,
    arch: Architecture,
    x: Hidden,
    mask: TokenMask,
    look: Look,
) -> tuple[Hidden, Any]:
    """The same, and what `look` makes of the output of every layer, stacked.

    A skipped layer gives what it was given.
    """
    names = (space.gate.name, *space.stage_knobs)
    choices = {name: arch[name] for name in names}

    def body(x: Hidden, inputs: tuple[LayerParams, LayerChoices]):
        layer, chosen = inputs
        x = block(x, layer, mask, chosen)
        return x, look(x)

    return jax.lax.scan(body, x, (layers, choices))


def encode_full(
    layers: LayerParams,
    shape: EncoderShape,
    x: Hidden,
    mask: TokenMask,
    key: Key[Array, ""] | None = None,
    dropout: float = 0.0,
    remat: bool = False,
    space: SearchSpace | None = None,
) -> Hidden:
    """Runs the full network, with dropout where a key is given.

    Args:
        space: whose stages the layers have; those of every pretrained encoder if none.
    """
    given = layers, shape, x, mask, key, dropout, remat, space
    return encode_full_seen(*given, lambda x: None)[0]


def encode_full_seen(
    layers: LayerParams,
    shape: EncoderShape,
    x: Hidden,
    mask: TokenMask,
    key: Key[Array, ""] | None,
    dropout: float,
    remat: bool,
    space: SearchSpace | None,
    look: Look,
    first: int = 0,
) -> tuple[Hidden, Any]:
    """The same, and what `look` makes of the output of every layer, stacked.

    Args:
        first: the number of the first of these layers, which dropout depends on.
    """
    full: list[tuple[Stage, Mapping[str, int]]] = [(one, {}) for one in PRETRAINED]
    if space is not None:
        full = [(stage, space.full(stage)) for stage in space.stages]
    has_dropout = key is not None and dropout > 0.0
    base = key if key is not None else jax.random.key(0)

    def body(x: Hidden, inputs: tuple[LayerParams, Int[Array, ""]]):
        layer, index = inputs
        drop = Dropout(jax.random.fold_in(base, index), dropout)
        drop = drop if has_dropout else None
        for stage, values in full:
            x = stage.run(x, layer, mask, shape, Run(values=values, dropout=drop))
        return x, look(x)

    body = jax.checkpoint(body) if remat else body
    last = first + len(jax.tree.leaves(layers)[0])
    indices = jnp.arange(first, last, dtype=jnp.int32)
    return jax.lax.scan(body, x, (layers, indices))
