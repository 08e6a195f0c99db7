"""What the stages of an encoder are made of, and its embeddings.

The same functions serve the full network, a sliced sub-network (smaller
weights) and a masked one (full weights, masks on activations), so that they
cannot drift apart. Matrix products run in the dtype of `x`; softmax, LayerNorm
and pooling reduce in float32.

References:
    Devlin et al., "BERT", 2019. https://arxiv.org/abs/1810.04805
    Conneau et al., "XLM-R", 2020. https://arxiv.org/abs/1911.02116
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.space.shape import LEARNED, EncoderShape
from xlnas_jax.supernet.backward import Hidden, product
from xlnas_jax.supernet.params import Dense, EmbeddingParams, LayerParams
from xlnas_jax.supernet.pieces.norms import normal

TokenMask = Bool[Array, "batch seq"]
# Of networks that differ in their words' rows, by the rows of every choice.
Embedded = Float[Array, "batch seq *choice model"]


class Dropout(NamedTuple):
    """Rate and key of the dropout of one layer; None stands for no dropout."""

    key: Key[Array, ""]
    rate: float


def drop(x: Float[Array, "..."], dropout: Dropout | None, index: int):
    """Zeroes entries at the dropout rate and scales up the rest."""
    if dropout is None:
        return x
    key = jax.random.fold_in(dropout.key, index)
    keep = jax.random.bernoulli(key, 1.0 - dropout.rate, x.shape)
    scale = jnp.asarray(1.0 / (1.0 - dropout.rate), x.dtype)
    return jnp.where(keep, x * scale, jnp.zeros((), x.dtype))


def project(x: Float[Array, "..."], dense: Dense, axes: int = 1) -> Array:
    """Affine map of the last axes of `x`, in its dtype.

    Args:
        axes: how many of them there are: the first ones of the kernel.
    """
    y = product(x, dense.kernel.astype(x.dtype), axes)
    if dense.bias is None:
        return y
    bias = dense.bias.astype(x.dtype)
    return y + bias.reshape((1,) * (y.ndim - bias.ndim) + bias.shape)


def embed(
    params: EmbeddingParams,
    shape: EncoderShape,
    tokens: Int[Array, "batch seq"],
    segments: Int[Array, "batch seq"],
    dtype: DTypeLike,
    dropout: Dropout | None = None,
    places: Int[Array, "batch seq"] | None = None,
    rows: Int[Array, "batch seq"] | None = None,
) -> Hidden:
    """Word, position and segment embeddings, as far as there are any, summed.

    Args:
        places: of the tokens, counted from 0, where they are not one after another.
        rows: of the word table, where they are not those of the tokens' own numbers.
    """
    total = params.word[tokens if rows is None else rows]
    if params.segment is not None:
        total += params.segment[segments]
    if params.position is not None:
        total += _positions(params.position, shape, tokens, places)
    if params.norm is not None:
        total = normal(total, params.norm, shape)
    return drop(total, dropout, 3).astype(dtype)


def embed_every(
    params: EmbeddingParams,
    shape: EncoderShape,
    tokens: Int[Array, "batch seq"],
    segments: Int[Array, "batch seq"],
    dtype: DTypeLike,
) -> Embedded:
    """The same by the rows of every choice of `shape.words`, one beside another.

    Without that there is no such axis.
    """

    def by(rows: Int[Array, "batch seq"] | None) -> Hidden:
        return embed(params, shape, tokens, segments, dtype, rows=rows)

    if shape.words is None:
        return by(None)
    return jax.vmap(by, out_axes=-2)(jnp.asarray(shape.words.rows)[:, tokens])


def _positions(
    table: Float[Array, "position model"],
    shape: EncoderShape,
    tokens: Int[Array, "batch seq"],
    places: Int[Array, "batch seq"] | None,
) -> Float[Array, "*batch seq model"]:
    """The rows of the position table.

    Where they are counted from the padding, only what is none has a place, from the
    row after the padding's own: where a text spells `<pad>`, the tokens after it keep
    theirs.

    References:
        `create_position_ids_from_input_ids` of
        https://github.com/huggingface/transformers
    """
    if places is not None:
        return table[places + shape.position_offset]
    if shape.spec.positions == LEARNED:
        return table[: tokens.shape[-1]][None]
    is_real = (tokens != shape.pad_id).astype(tokens.dtype)
    place = jnp.cumsum(is_real, axis=-1, dtype=tokens.dtype) * is_real
    return table[place + (shape.position_offset - 1)]


def cast_dense(layer: LayerParams, dtype: DTypeLike) -> LayerParams:
    """The same layer (or all of them) with its affine maps in another dtype.

    LayerNorms, which reduce in float32, stay as they are.
    """

    def is_dense(node: object) -> bool:
        return isinstance(node, Dense)

    def cast(node: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.astype(dtype), node)

    return jax.tree.map(
        lambda node: cast(node) if is_dense(node) else node, layer, is_leaf=is_dense
    )
