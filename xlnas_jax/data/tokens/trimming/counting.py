"""How often texts use the pieces of a vocabulary, and which of them are kept."""

from collections.abc import Collection, Iterable, Iterator

import numpy as np
import tokenizers
from jaxtyping import Int

from xlnas_jax.data.tokens.published import speaking
from xlnas_jax.data.tokens.trimming.base import Kind, Model

Counts = Int[np.ndarray, " piece"]
# Characters that are cut at once: a hundred bytes each, at most.
_AT_ONCE = 1 << 22


def count(
    backend: tokenizers.Tokenizer,
    kind: Kind,
    model: Model,
    texts: Iterable[str],
    size: int,
) -> Counts:
    """Uses of each of `size` pieces by whole texts, special tokens left out.

    Raises:
        DataError: the tokenizer cannot encode one.
    """
    backend.no_truncation()
    backend.no_padding()
    counts = np.zeros(size, np.int64)
    for batch in _together(texts):
        with speaking("the tokenizer", "encode the texts of model.vocabulary"):
            cut = backend.encode_batch(batch, add_special_tokens=False)
            used = [id for one in cut for id in one.ids]
            used += kind.unseen(backend, model, batch)
        counts += np.bincount(np.asarray(used, np.int64), minlength=size)
    return counts


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


def _together(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts of so many characters in all, or one that is longer."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
