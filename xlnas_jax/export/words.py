"""The word table of an exported network: with fewer rows, or one for every piece again.

What networks save by sharing rows is written out for libraries whose classes look a
token up by its own number, as the size of such a form shows.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jaxtyping import Float

from xlnas_jax.data.tokens.trimming.counting import count
from xlnas_jax.data.tokens.trimming.cutting import Text
from xlnas_jax.data.tokens.trimming.registry import kind_of
from xlnas_jax.data.tokens.trimming.trim import content_of, specials
from xlnas_jax.experiment.pieces.sharing import mean_rows, sharing
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.words import WordRows
from xlnas_jax.types import ConfigError


def with_fewer_rows(
    subnet: Subnet, texts: Mapping[str, Sequence[Text]], share: float, most: int
) -> Subnet:
    """The network with a row of its own for the pieces of a share of all tokens.

    No piece is lost, and every text has the tokens that it had: pieces that are left
    have one of some rows in common with pieces of like vectors, see
    `experiment.pieces.sharing`.

    Args:
        texts: by language or source, of each of which that share is reached.
        most: rows that the other pieces have in common.

    Raises:
        ConfigError: pieces share rows already.
    """
    if subnet.shape.words is not None:
        raise ConfigError(
            "trim: pieces may share rows once; those of this model do. Trim the model "
            "that it was made of, or leave --share out."
        )
    tokenizer, size = subnet.tokenizer, subnet.shape.vocab_size
    content = content_of(tokenizer.backend)
    kind = kind_of(content["model"])
    counts = [
        count(tokenizer.backend, kind, content["model"], own, size)
        for own in texts.values()
    ]
    always = {*specials(content, tokenizer.pad_id), subnet.shape.pad_id}
    table = np.asarray(subnet.weights.embeddings.word)
    words = sharing([share], most, counts, np.asarray(sorted(always)), table)
    kept, own = words.of_choice(0)
    if own is None:
        return subnet
    return with_words(subnet, mean_rows(table, words)[kept], own)


def with_all_rows(subnet: Subnet) -> Subnet:
    """The same network, no two pieces of which share a row; itself if none do."""
    words = subnet.shape.words
    if words is None:
        return subnet
    table = np.asarray(subnet.weights.embeddings.word)[words.rows[0]]
    return with_words(subnet, table, None)


def with_words(
    subnet: Subnet, table: Float[np.ndarray, "row model"], words: WordRows | None
) -> Subnet:
    """The same network with another word table."""
    weights = subnet.weights
    embeddings = dataclasses.replace(weights.embeddings, word=jax.device_put(table))
    return Subnet(
        dataclasses.replace(weights, embeddings=embeddings),
        dataclasses.replace(subnet.shape, words=words),
        subnet.pooling,
        subnet.labels,
        subnet.tokenizer,
        task=subnet.task,
        own_heads=subnet.own_heads,
        doc_stride=subnet.doc_stride,
        max_answer_tokens=subnet.max_answer_tokens,
        centers=subnet.centers,
        dtype=subnet.dtype,
    )


def told_rows(words: WordRows) -> str:
    """Which pieces of a network have a row of their own, as a card tells it."""
    own = words.table - words.shared
    return (
        f"{own:,} of the pieces, those of {100 * words.shares[0]:g} % of every "
        f"language's tokens, have a row of the word table of their own. All others "
        f"share {words.shared:,} rows with pieces whose vectors were like theirs."
    )
