"""The word table of an exported network, with a row for every piece again.

What networks save by sharing rows is written out for libraries whose classes look a
token up by its own number, as the size of such a form shows.
"""

import dataclasses

import jax
import numpy as np
from jaxtyping import Float

from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.words import WordRows


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
    return subnet.changed(
        dataclasses.replace(weights, embeddings=embeddings),
        dataclasses.replace(subnet.shape, words=words),
    )


def told_rows(words: WordRows) -> str:
    """Which pieces of a network have a row of their own, as a card tells it."""
    own = words.table - words.shared
    return (
        f"{own:,} of the pieces, those of {100 * words.shares[0]:g} % of every "
        f"language's tokens, have a row of the word table of their own. All others "
        f"share {words.shared:,} rows with pieces whose vectors were like theirs."
    )
