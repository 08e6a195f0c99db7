"""A network layer by layer, for texts that see each other on the way.

As in `encoder` there are several executions of the same layers: the full network; any
architecture, which is data; and one whose layers are cut to their own sizes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Run, Stage
from xlnas_jax.supernet.encoder import (
    Block,
    encode,
    encode_full_seen,
    run_stage,
)
from xlnas_jax.supernet.layers import Dropout, Hidden, TokenMask, drop
from xlnas_jax.supernet.params import LayerParams, SupernetParams
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.supernet.streams.mixed import Mix, is_mixed, mix_stage
from xlnas_jax.types import Architecture

Noise = Key[Array, ""] | None


class Streams(NamedTuple):
    """A network that can be stopped between layers.

    Attributes:
        num_layers: of the whole encoder, skipped ones included.
        run: `(params, hidden, mask, key, first, last) -> hidden` of the layers from
            one number up to another, whatever rows and tokens are; from 0 with the
            dropout of embedded tokens, where a key is given and the network has any.
        mix: `(params, hidden, mask, key, layer, mix) -> hidden` of a layer in which
            the second half of the rows sees the first, see `mixed`. A layer that the
            network skips is skipped, and mixes nothing.
        read_out: `(params, hidden, batch, architecture, key) -> logits` of what the
            last layer gave.
    """

    num_layers: int
    run: Callable[..., Hidden]
    mix: Callable[..., Hidden]
    read_out: Callable[..., Float[Array, "..."]]


def full_streams(
    space: SearchSpace,
    shape: EncoderShape,
    dropout: float,
    remat: bool,
    read_out: Callable[..., Float[Array, "..."]],
) -> Streams:
    """The full network, with dropout where a key is given."""
    full = [(stage, space.full(stage)) for stage in space.stages]

    def run(
        params: SupernetParams,
        x: Hidden,
        mask: TokenMask,
        key: Noise,
        first: int,
        last: int,
    ) -> Hidden:
        if first == 0 and key is not None and dropout > 0.0:
            x = drop(x, Dropout(key, dropout), 3)
        if first == last:
            return x
        own = _some(layers_of(params.encoder, shape), first, last)
        given = own, shape, x, mask, key, dropout, remat, space
        return encode_full_seen(*given, lambda x: None, first)[0]

    def mix_layer(
        params: SupernetParams,
        x: Hidden,
        mask: TokenMask,
        key: Noise,
        number: int,
        mix: Mix,
    ) -> Hidden:
        layer = _one(layers_of(params.encoder, shape), number)
        noise = None
        if key is not None and dropout > 0.0:
            noise = Dropout(jax.random.fold_in(key, number), dropout)
        for stage, values in full:
            if is_mixed(stage):
                x = mix_stage(stage, shape, values, x, layer, mask, mix, noise)
            else:
                how = Run(values=values, dropout=noise)
                x = stage.run(x, layer, mask, shape, how)
        return x

    return Streams(shape.num_layers, run, mix_layer, read_out)


def streams_of(
    arch: Architecture,
    block: Block,
    space: SearchSpace,
    shape: EncoderShape,
    remat: bool,
    read_out: Callable[..., Float[Array, "..."]],
) -> Streams:
    """Any architecture, at its own sizes, without dropout."""
    wrap = jax.checkpoint if remat else lambda f: f
    gate = np.asarray(space.gate.choices, np.int32)
    names = (space.gate.name, *space.stage_knobs)

    def run(
        params: SupernetParams,
        x: Hidden,
        mask: TokenMask,
        key: Noise,
        first: int,
        last: int,
    ) -> Hidden:
        del key
        if first == last:
            return x
        some = Architecture({name: arch[name][first:last] for name in names})
        own = _some(layers_of(params.encoder, shape), first, last)
        return encode(block, space, own, some, x, mask)

    def skip(x: Hidden, layer: LayerParams, mask: TokenMask, numbers: Any) -> Hidden:
        del layer, mask, numbers
        return x

    def branch(stage: Stage, values: Mapping[str, int], how: Mix) -> Any:
        def one(x: Hidden, layer: LayerParams, mask: TokenMask, numbers: Any) -> Hidden:
            if not is_mixed(stage):
                return run_stage(stage, shape, values, x, layer, mask)
            mix = how._replace(weight=numbers[0], bias=numbers[1])
            return mix_stage(stage, shape, values, x, layer, mask, mix)

        return wrap(one)

    def mix_layer(
        params: SupernetParams,
        x: Hidden,
        mask: TokenMask,
        key: Noise,
        number: int,
        mix: Mix,
    ) -> Hidden:
        del key
        layer = _one(layers_of(params.encoder, shape), number)
        choices = {name: arch[name][number] for name in names}
        is_kept = jnp.asarray(gate)[choices[space.gate.name]]
        for stage in space.stages:
            branches = [skip, *(branch(stage, v, mix) for v in space.options(stage))]
            option = is_kept * (space.option(stage, choices) + 1)
            numbers = mix.weight, mix.bias
            x = jax.lax.switch(option, branches, x, layer, mask, numbers)
        return x

    return Streams(shape.num_layers, run, mix_layer, read_out)


def cut_streams(
    row: Int[np.ndarray, " site"],
    space: SearchSpace,
    shape: EncoderShape,
    read_out: Callable[..., Float[Array, "..."]],
) -> Streams:
    """One network whose layers were cut by `fixed.cut_layers`, without dropout."""
    chosen = dict(space.layers(row))
    places = {number: place for place, number in enumerate(sorted(chosen))}

    def one(
        layers: Sequence[LayerParams],
        x: Hidden,
        mask: TokenMask,
        number: int,
        mix: Mix | None = None,
    ) -> Hidden:
        if number not in chosen:
            return x
        for stage in space.stages:
            given = shape, chosen[number], x, layers[places[number]], mask
            if mix is not None and is_mixed(stage):
                x = mix_stage(stage, *given, mix)
            else:
                x = run_stage(stage, *given)
        return x

    def run(
        params: Any, x: Hidden, mask: TokenMask, key: Noise, first: int, last: int
    ) -> Hidden:
        del key
        layers = layers_of(params.encoder, shape)
        for number in range(first, last):
            x = one(layers, x, mask, number)
        return x

    def mix_layer(
        params: Any, x: Hidden, mask: TokenMask, key: Noise, number: int, mix: Mix
    ) -> Hidden:
        del key
        return one(layers_of(params.encoder, shape), x, mask, number, mix)

    return Streams(shape.num_layers, run, mix_layer, read_out)


def _some(layers: LayerParams, first: int, last: int) -> LayerParams:
    return jax.tree.map(lambda leaf: leaf[first:last], layers)


def _one(layers: LayerParams, number: int) -> LayerParams:
    return jax.tree.map(lambda leaf: leaf[number], layers)
