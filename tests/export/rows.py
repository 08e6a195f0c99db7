"""Networks whose pieces share rows of the word table."""

import numpy as np

from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.words import with_words
from xlnas_jax.space.words import share_rows

SHARE = 0.75
# Groups that the last pieces are dealt out to.
_GROUPS = 4


def sharing(subnet: Subnet) -> Subnet:
    """The network with means of some rows in their place, each kept once."""
    size = subnet.shape.vocab_size
    piece = np.arange(size)
    group = np.where(piece < size // 3, -1, piece % _GROUPS)
    _, words = share_rows((SHARE,), [group]).of_choice(0)
    assert words is not None
    table = np.asarray(subnet.weights.embeddings.word)
    means = [table[words.rows[0] == row].mean(0) for row in range(words.table)]
    return with_words(subnet, np.stack(means), words)
