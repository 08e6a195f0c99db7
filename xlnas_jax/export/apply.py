"""The exported network as a pure function, built of the supernet's own layers."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xlnas_jax.export.params import SubnetParams
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.stage import Run
from xlnas_jax.supernet.heads import pool, read_out, sentence_vector
from xlnas_jax.supernet.layers import Hidden, TokenMask, embed
from xlnas_jax.supernet.params import EmbeddingParams
from xlnas_jax.supernet.pieces.norms import closed
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.supernet.stages.registry import stages_with
from xlnas_jax.types import Said


def apply_subnet(
    params: SubnetParams,
    shape: EncoderShape,
    pooling: str,
    tokens: Int[Array, "batch seq"],
    segments: Int[Array, "batch seq"],
    length: Int[Array, " batch"],
    route: Int[Array, " batch"] | None = None,
) -> Float[Array, "batch *rest"]:
    """Logits in float32; what stands beyond `length` is never looked at.

    `batch label` where the head reads sentences, `batch seq label` of tokens;
    `route` as in `heads.read_out`.
    """
    arrays = tokens, segments, length
    return say_subnet(params, shape, pooling, *arrays, route).logits


def say_subnet(
    params: SubnetParams,
    shape: EncoderShape,
    pooling: str,
    tokens: Int[Array, "batch seq"],
    segments: Int[Array, "batch seq"],
    length: Int[Array, " batch"],
    route: Int[Array, " batch"] | None = None,
) -> Said:
    """The same, with the sentences' vectors."""
    positions = jax.lax.broadcasted_iota(length.dtype, tokens.shape, 1)
    x = embed_one(params.embeddings, shape, tokens, segments)
    return say_embedded(params, shape, pooling, x, positions < length[:, None], route)


def embed_one(
    params: EmbeddingParams,
    shape: EncoderShape,
    tokens: Int[Array, "batch seq"],
    segments: Int[Array, "batch seq"],
) -> Hidden:
    """Embedded tokens of one network, whose words may share rows."""
    rows = None if shape.words is None else jnp.asarray(shape.words.rows[0])[tokens]
    return embed(params, shape, tokens, segments, jnp.float32, rows=rows)


def say_embedded(
    params: SubnetParams,
    shape: EncoderShape,
    pooling: str,
    x: Hidden,
    mask: TokenMask,
    route: Int[Array, " batch"] | None = None,
) -> Said:
    """The same of embedded tokens."""
    layers = layers_of(params, shape)
    for layer, size in zip(layers, params.sizes, strict=True):
        values = dict(size)
        for stage in stages_with(values):
            if not stage.is_absent(values):
                x = stage.run(x, layer, mask, shape, Run(values=values))
    x = closed(x, params.final_norm, shape)
    pool_sentence = functools.partial(pool, pooling=pooling)
    logits = read_out(x, mask, params.head, pool_sentence, route)
    return Said(logits, sentence_vector(x, mask))


# Module-level, so that every network of the same sizes shares the compilation.
apply_subnet_jit = jax.jit(apply_subnet, static_argnames=("shape", "pooling"))
