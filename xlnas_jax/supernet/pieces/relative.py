"""Scores by how far apart two tokens are: attention that keeps content and place apart.

A score is a sum of three products: of two tokens, of the first with how far off the
second is, and of the second with how far off the first is,

    A[i, j] = (Q[i] K[j]' + Q[i] K(P[d])' + K[j] Q(P[d])') / sqrt(3 head_dim)

where d is the row of a table P for the distance i - j, and its queries and keys are
those of the layer's own maps. All layers share the table, which passes a norm first.
Near tokens have a row for each distance, farther ones share rows, the more the farther.

Products are with the rows in the order of their distances, so that what belongs to a
pair of tokens stands one step further in each row of scores, and is read by a change of
shape: a lookup for every pair, as it is written in the paper, has a slow derivative.

References:
    He et al., "DeBERTa: decoding-enhanced BERT with disentangled attention", 2021.
    https://arxiv.org/abs/2006.03654
    He et al., "DeBERTaV3", 2021, whose multilingual encoder it is.
    https://arxiv.org/abs/2111.09543
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.space.shape import RELATIVE, EncoderShape
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.pieces.norms import normal

Heads = Float[Array, "batch head seq head_dim"]
# Of rows of the table, by the name of one of the layer's maps.
Rows = Float[Array, "_ head row head_dim"]
Project = Callable[[str, Float[Array, "1 row model"]], Rows]
# Products that are added up to a score.
TERMS = 3


class Met(NamedTuple):
    """What texts of one length meet of the table.

    Attributes:
        first, last: rows of it from one number up to another.
        falling: of these, the row for each distance from the length down.
        rising: from minus the length up.
    """

    first: int
    last: int
    falling: Any
    rising: Any


def rows_of(
    distance: Int[np.ndarray, " distance"], shape: EncoderShape
) -> Int[np.ndarray, " distance"]:
    """The row of the table for each distance; what is too far has the last ones'."""
    span, half = shape.relative_buckets, shape.relative_buckets // 2
    far = np.abs(distance)
    # In float32, as weights were trained: another rounding is another row.
    share = np.log(np.maximum(far, half).astype(np.float32) / np.float32(half))
    share = share / np.log(np.float32((shape.relative_reach - 1) / half))
    shared = np.ceil(share * np.float32(half - 1)) + half
    row = np.where(far <= half, distance, np.sign(distance) * shared)
    return np.clip(row.astype(np.int64) + span, 0, 2 * span - 1)


def met_by(length: int, shape: EncoderShape) -> Met:
    """What texts of a length meet, as numbers."""
    rising = np.arange(-length, length)
    found = rows_of(rising, shape), rows_of(-rising, shape)
    first, last = min(map(np.min, found)), max(map(np.max, found)) + 1
    return Met(int(first), int(last), found[1] - first, found[0] - first)


def num_rows(length: int, shape: EncoderShape) -> int:
    """How many of them; none where places are told apart otherwise."""
    if shape.spec.positions != RELATIVE:
        return 0
    met = met_by(length, shape)
    return met.last - met.first


def layers_of(encoder: Any, shape: EncoderShape) -> Any:
    """The layers as they are run: beside each the table that all of them share.

    Args:
        encoder: with embeddings, and layers that are stacked or apart.
    """
    tables, layers = encoder.embeddings, encoder.layers
    if shape.spec.positions != RELATIVE:
        return layers
    rows = normal(tables.relative[None], tables.relative_norm, shape)[0]
    if isinstance(layers, tuple):
        return tuple(dataclasses.replace(one, relative=rows) for one in layers)
    count = len(jax.tree.leaves(layers)[0])
    every = jnp.broadcast_to(rows[None], (count, *rows.shape))
    return dataclasses.replace(layers, relative=every)


def distances(
    query: Heads,
    key: Heads,
    layer: LayerParams,
    project: Project,
    shape: EncoderShape,
) -> Float[Array, "batch head seq seq"]:
    """What the two terms with distances add to the products of queries and keys."""
    met = _met(query.shape[2], shape)
    assert layer.relative is not None
    table = layer.relative[met.first : met.last][None].astype(query.dtype)
    to_key = _products(query, jnp.take(project("key", table), met.falling, axis=2))
    to_query = _products(key, jnp.take(project("query", table), met.rising, axis=2))
    return _of_pairs(to_key) + _of_pairs(to_query).swapaxes(-1, -2)


def _met(length: Any, shape: EncoderShape) -> Met:
    """What a text meets; of an exported program its length may be any number."""
    if isinstance(length, int):
        return met_by(length, shape)
    most = shape.max_length
    whole = met_by(most, shape)
    falling, rising = (
        jnp.asarray(rows)[most - length : most + length]
        for rows in (whole.falling, whole.rising)
    )
    return whole._replace(falling=falling, rising=rising)


def _products(one: Heads, other: Rows) -> Float[Array, "batch head seq row"]:
    return jnp.matmul(one, other.swapaxes(-1, -2), preferred_element_type=jnp.float32)


def _of_pairs(
    products: Float[Array, "batch head seq row"],
) -> Float[Array, "batch head seq seq"]:
    """Of 2n rows for each of n tokens the n that belong to the others.

    For the i-th token they begin with row n - i, so one step further back in each; read
    as rows of 2n - 1 they stand below each other.
    """
    *lead, length, rows = products.shape
    flat = products.reshape(*lead, length * rows)[..., length:]
    return flat.reshape(*lead, length, rows - 1)[..., :length]
