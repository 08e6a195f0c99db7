"""How often texts use the pieces of a vocabulary, and which of them are kept."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import tokenizers
from jaxtyping import Int

from xlnas_jax.data.tokens.tokenizer import AT_ONCE, of_words, together
from xlnas_jax.data.tokens.trimming.base import Kind, Model
from xlnas_jax.data.tokens.trimming.cutting import Text, cut, num_characters

Counts = Int[np.ndarray, " piece"]


def count(
    backend: tokenizers.Tokenizer,
    kind: Kind,
    model: Model,
    texts: Iterable[Text],
    size: int,
) -> Counts:
    """Uses of each of `size` pieces by whole texts, special tokens left out.

    Raises:
        DataError: the tokenizer cannot encode one.
    """
    counts = np.zeros(size, np.int64)
    for batch in together(texts, num_characters, AT_ONCE):
        used = [*cut(backend, batch), _unseen(backend, kind, model, batch)]
        counts += np.bincount(np.concatenate(used), minlength=size)
    return counts


def _unseen(
    backend: tokenizers.Tokenizer, kind: Kind, model: Model, texts: Sequence[Text]
) -> Int[np.ndarray, " _"]:
    """Pieces that decided how texts are cut, though they are in no token."""
    plain = [text for text in texts if isinstance(text, str)]
    words = [w for text in texts if not isinstance(text, str) for w in text]
    found = [*kind.unseen(backend, model, plain)]
    if words:
        found += kind.unseen(of_words(backend), model, words)
    return np.asarray(found, np.int64)


def choose(
    kind: Kind,
    model: Model,
    counts: Counts,
    always: Collection[int],
    min_count: int,
    most: int | None,
) -> Int[np.ndarray, " kept"]:
    """The pieces that are kept, in their order.

    Args:
        always: pieces that stay besides those that no model can do without.
        min_count: uses that a piece needs.
        most: of these, the most frequent ones alone; the earlier of equal ones.
    """
    lasting = kind.lasting(model) | set(always)
    frequent = np.flatnonzero(counts >= min_count)
    frequent = frequent[~np.isin(frequent, list(lasting))]
    if most is not None:
        frequent = frequent[np.argsort(-counts[frequent], kind="stable")][:most]
    kept = kind.with_parts(model, lasting | set(frequent.tolist()))
    return np.array(sorted(kept), np.int64)
