"""The supernet as pure functions over the weights of one task, `SupernetParams`."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.encoder import (
    Operation,
    encode,
    encode_full,
    encode_full_seen,
    encode_seen,
    make_masked_block,
    make_operations,
    make_sliced_block,
)
from xlnas_jax.supernet.heads import (
    Pooled,
    pool,
    pool_chosen,
    read_out,
    sentence_vector,
)
from xlnas_jax.supernet.layers import (
    Dropout,
    Embedded,
    Hidden,
    TokenMask,
    cast_dense,
    drop,
    embed_every,
)
from xlnas_jax.supernet.params import (
    EmbeddingParams,
    HeadParams,
    LayerParams,
    SupernetParams,
)
from xlnas_jax.supernet.pieces import relative
from xlnas_jax.supernet.pieces.norms import closed
from xlnas_jax.supernet.stages.pooling import POOLING
from xlnas_jax.supernet.stages.vocabulary import pick
from xlnas_jax.supernet.streams.streams import Streams, full_streams, streams_of
from xlnas_jax.types import Architecture, Batch

Form = Literal["sliced", "masked"]
DTYPES = {"fp32": jnp.float32, "bf16": jnp.bfloat16}


class Seen(NamedTuple):
    """What the layers of a network give.

    Attributes:
        hidden: of the last one, as the network gives it.
        vectors: the mean over the tokens of each sentence after every layer; that of
            a skipped layer is the one before it.
        kept: 1 for every layer that the network has.
    """

    hidden: Hidden
    vectors: Float[Array, "layer batch model"]
    kept: Float[Array, " layer"]


class Supernet(NamedTuple):
    """Functions of one encoder, space and precision.

    Attributes:
        embed: `(embeddings, batch) -> hidden`; the same for every architecture. Where
            they differ in their words' rows, with an axis of these choices before the
            last, of which the functions below pick one.
        cast: weights in the dtype that the layers compute in, so that they need not
            be cast for every candidate; the functions below take either.
        close: `(params, hidden) -> hidden`: what the last layer gave, as the network
            gives it.
        encode: `(params, hidden, batch, architecture) -> hidden` of the network.
        apply: `(params, hidden, batch, architecture) -> logits`.
        read_out: `(params, hidden, batch, architecture) -> logits` of what the
            network gave; of the architecture only the pooling counts; with dropout
            where a key follows.
        see: as `encode`, and the mean vector of each sentence after every layer.
        see_full: as `encode_full`, likewise.
        operations: every stage at each size, see `encoder.make_operations`.
        encode_full: `(params, hidden, batch, key) -> hidden` of all layers, heads and
            neurons, with dropout where a key is given.
        apply_full: `(params, hidden, batch, architecture, key) -> logits` of the same;
            only the pooling is the architecture's.
        layers: `params -> layers`, as `operations` take them.
        pick: `(embedded tokens, architecture) -> hidden` of one network, or of the full
            one of none; see `embed`.
        streams: an architecture layer by layer, or the full network of none, for texts
            that see each other.
    """

    embed: Callable[[EmbeddingParams, Batch], Embedded]
    cast: Callable[[SupernetParams], SupernetParams]
    close: Callable[[SupernetParams, Hidden], Hidden]
    encode: Callable[[SupernetParams, Hidden, Batch, Architecture], Hidden]
    apply: Callable[[SupernetParams, Hidden, Batch, Architecture], Float[Array, "..."]]
    encode_full: Callable[..., Hidden]
    apply_full: Callable[..., Float[Array, "..."]]
    read_out: Callable[..., Float[Array, "..."]]
    see: Callable[[SupernetParams, Hidden, Batch, Architecture], Seen]
    see_full: Callable[..., Seen]
    operations: list[Operation]
    layers: Callable[[SupernetParams], LayerParams]
    pick: Callable[..., Hidden]
    streams: Callable[[Architecture | None], Streams]


def make_supernet(
    space: SearchSpace,
    shape: EncoderShape,
    form: Form = "sliced",
    precision: str = "fp32",
    dropout: float = 0.0,
    remat_branches: bool = False,
    remat_layers: bool = False,
) -> Supernet:
    """Builds the functions; see `encoder` for the two forms.

    `remat_branches` belongs to training in the sliced form, `remat_layers`
    trades time for memory in the full network.
    """
    dtype = DTYPES[precision]
    poolings = tuple(str(name) for name in space.knob(POOLING).choices)
    if form == "sliced":
        block = make_sliced_block(space, shape, remat_branches)
    else:
        block = make_masked_block(space, shape)

    def embed_batch(embeddings: EmbeddingParams, batch: Batch) -> Embedded:
        return embed_every(embeddings, shape, batch.tokens, batch.segments, dtype)

    def cast(params: SupernetParams) -> SupernetParams:
        layers = cast_dense(params.encoder.layers, dtype)
        encoder = dataclasses.replace(params.encoder, layers=layers)
        return dataclasses.replace(params, encoder=encoder)

    def pool_by(arch: Architecture):
        index = arch[POOLING][0]

        def pool_sentence(x: Hidden, mask: TokenMask, head: HeadParams) -> Pooled:
            if form == "sliced":
                return pool_chosen(x, mask, head, poolings, index)
            # Under `vmap` a switch would be a select over all branches anyway, with
            # a batched copy of the head's weights; this one keeps them unbatched.
            pooled = [pool(x, mask, head, name) for name in poolings]
            return jnp.stack(pooled)[index]

        return pool_sentence

    def close(params: SupernetParams, x: Hidden) -> Hidden:
        return closed(x, params.encoder.final_norm, shape)

    def layers_of(params: SupernetParams) -> Any:
        return relative.layers_of(params.encoder, shape)

    def run_layers(
        params: SupernetParams, x: Embedded, batch: Batch, arch: Architecture
    ) -> Hidden:
        x = pick(space, x, arch)
        x = encode(block, space, layers_of(params), arch, x, batch.mask)
        return close(params, x)

    def see(
        params: SupernetParams, x: Embedded, batch: Batch, arch: Architecture
    ) -> Seen:
        x = pick(space, x, arch)
        layers, mask = layers_of(params), batch.mask
        look = functools.partial(sentence_vector, mask=mask)
        x, vectors = encode_seen(block, space, layers, arch, x, mask, look)
        gate = jnp.asarray(space.gate.choices, jnp.float32)
        return Seen(close(params, x), vectors, gate[arch[space.gate.name]])

    def apply(
        params: SupernetParams, x: Embedded, batch: Batch, arch: Architecture
    ) -> Float[Array, "..."]:
        return read(params, run_layers(params, x, batch, arch), batch, arch)

    def noise_of(key: Key[Array, ""] | None) -> Dropout | None:
        return Dropout(key, dropout) if key is not None and dropout > 0.0 else None

    def run_full(
        params: SupernetParams,
        x: Embedded,
        batch: Batch,
        key: Key[Array, ""] | None = None,
    ) -> Hidden:
        x = drop(pick(space, x, None), noise_of(key), 3)
        layers, mask = layers_of(params), batch.mask
        given = layers, shape, x, mask, key, dropout, remat_layers, space
        return close(params, encode_full(*given))

    def see_full(
        params: SupernetParams,
        x: Embedded,
        batch: Batch,
        key: Key[Array, ""] | None = None,
    ) -> Seen:
        x = drop(pick(space, x, None), noise_of(key), 3)
        layers, mask = layers_of(params), batch.mask
        look = functools.partial(sentence_vector, mask=mask)
        x, vectors = encode_full_seen(
            layers, shape, x, mask, key, dropout, remat_layers, space, look
        )
        return Seen(close(params, x), vectors, jnp.ones(len(vectors)))

    def read(
        params: SupernetParams,
        x: Hidden,
        batch: Batch,
        arch: Architecture,
        key: Key[Array, ""] | None = None,
    ) -> Float[Array, "..."]:
        pools = pool_by(arch)
        return read_out(x, batch.mask, params.head, pools, batch.head, noise_of(key))

    def apply_full(
        params: SupernetParams,
        x: Embedded,
        batch: Batch,
        arch: Architecture,
        key: Key[Array, ""] | None = None,
    ) -> Float[Array, "..."]:
        return read(params, run_full(params, x, batch, key), batch, arch, key)

    def read_last(
        params: SupernetParams, x: Hidden, *given: Any
    ) -> Float[Array, "..."]:
        return read(params, close(params, x), *given)

    def make_streams(arch: Architecture | None) -> Streams:
        if arch is None:
            return full_streams(space, shape, dropout, remat_layers, read_last)
        return streams_of(arch, block, space, shape, remat_branches, read_last)

    return Supernet(
        embed=embed_batch,
        cast=cast,
        close=close,
        encode=run_layers,
        apply=apply,
        encode_full=run_full,
        apply_full=apply_full,
        read_out=read,
        see=see,
        see_full=see_full,
        operations=make_operations(space, shape),
        layers=layers_of,
        pick=functools.partial(pick, space),
        streams=make_streams,
    )
