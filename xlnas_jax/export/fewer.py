"""The word table of an exported network with fewer rows, which rare pieces share."""

from collections.abc import Mapping, Sequence

import numpy as np

from xlnas_jax.data.tokens.trimming.counting import count
from xlnas_jax.data.tokens.trimming.cutting import Text
from xlnas_jax.data.tokens.trimming.registry import kind_of
from xlnas_jax.data.tokens.trimming.trim import content_of, specials
from xlnas_jax.experiment.pieces.sharing import mean_rows, sharing
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.words import with_words
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
