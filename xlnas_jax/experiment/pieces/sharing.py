"""Pieces that share rows of the word table: which ones, and what stands there.

What they share is the mean of like rows, found by k-means over what the pretrained
table has of them. Rows that a piece has for itself stay as they are.
"""

import dataclasses
import warnings
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.words import WordRows, covering, share_rows
from xlnas_jax.supernet.params import EncoderParams

_TURNS = 10

Counts = Int[np.ndarray, " piece"]
Table = Float[np.ndarray, "piece model"]


def sharing(
    shares: Sequence[float],
    most: int,
    counts: Sequence[Counts],
    always: Int[np.ndarray, " _"],
    words: Table,
    seed: int = 0,
) -> WordRows:
    """Rows of every choice of shares, and of the one by which each piece has its own.

    Args:
        shares: of every language's tokens, below 1 and rising.
        most: rows that pieces without one of their own have in common.
        counts: of each language or file, uses of every piece.
        always: pieces that have their own whatever the share.
        words: the pretrained row of every piece.
    """
    groups = []
    for share in shares:
        is_own = np.zeros(len(words), bool)
        is_own[always] = True
        for own in counts:
            is_own[covering(own, share)] = True
        group = np.full(len(words), -1, np.int64)
        group[~is_own] = cluster(words[~is_own], most, seed)
        groups.append(group)
    return share_rows(shares, groups)


def cluster(rows: Table, most: int, seed: int) -> Int[np.ndarray, " row"]:
    """Which of at most so many groups each row is of; of few rows each is its own."""
    # Imported late: it takes a while, and few runs need it.
    from scipy.cluster.vq import kmeans2

    if len(rows) <= most:
        return np.arange(len(rows))
    drawn = np.random.default_rng([seed, most]).choice(len(rows), most, replace=False)
    begin = rows[np.sort(drawn)]
    with warnings.catch_warnings():
        # Of a group without rows, which then is none.
        warnings.simplefilter("ignore", UserWarning)
        found = kmeans2(rows, begin, iter=_TURNS, minit="matrix", missing="warn")
    return found[1].astype(np.int64)


def with_shared_rows(encoder: EncoderParams, shape: EncoderShape) -> EncoderParams:
    """The encoder with rows that pieces share behind those of the pieces.

    Each is the mean of the rows that its pieces have.
    """
    if shape.words is None:
        return encoder
    word = mean_rows(np.asarray(encoder.embeddings.word), shape.words)
    embeddings = dataclasses.replace(encoder.embeddings, word=jax.device_put(word))
    return dataclasses.replace(encoder, embeddings=embeddings)


def mean_rows(table: Table, words: WordRows) -> Float[np.ndarray, "row model"]:
    """A table of all pieces, and behind it the means of rows that some share."""
    size = len(table)
    made = np.zeros((words.table, table.shape[1]), np.float64)
    made[:size] = table
    for rows in words.rows:
        is_shared = rows >= size
        np.add.at(made, rows[is_shared], table[is_shared])
        numbers, counts = np.unique(rows[is_shared], return_counts=True)
        made[numbers] /= counts[:, None]
    return made.astype(table.dtype)
