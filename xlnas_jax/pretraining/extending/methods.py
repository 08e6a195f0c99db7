"""What stands in the rows of new pieces: mixtures of the rows of old ones.

`mean` looks at the letters of a piece alone, `overlap` at what stands around it in its
own language, `aligned` at what its language's words mean in another. What a method has
no answer for is filled by `mean`, and what that has none for is drawn at random.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from xlnas_jax.alignment.mapping.mixtures import (
    mixtures,
    nearest_softmax,
    sparsemax,
)
from xlnas_jax.alignment.mapping.neighbours import neighbour_vectors
from xlnas_jax.data.tokens.extending import Extended, parts_of
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.cutting import cut
from xlnas_jax.data.tokens.trimming.trim import content_of, specials
from xlnas_jax.types import DataError

# A matrix of `scipy.sparse`, of new rows by old ones. Its types tell matrices from
# arrays, and its functions do not.
Shares = Any
Ids = Int[np.ndarray, " _"]
# Old pieces in the texts of a language, from which the meaning of new ones is told.
_LEAST = 10


class WordVectors(NamedTuple):
    """Words of a language, the most frequent first, with vectors."""

    words: list[str]
    vectors: Float[np.ndarray, "word dim"]


class Given(NamedTuple):
    """What methods look at.

    Attributes:
        old: the tokenizer of the model.
        new: the same with new pieces.
        texts: of the language that these are for.
        pairs: texts of it and their translations into a language of the model.
        vectors: of words of both, in one space.
    """

    old: Tokenizer
    new: Extended
    texts: Sequence[str]
    pairs: Sequence[tuple[str, str]] = ()
    vectors: tuple[WordVectors, WordVectors] | None = None


class Rows(NamedTuple):
    """What new rows are made of.

    Attributes:
        shares: of the old rows in each; a row without any is drawn at random.
        by: how many are by the method itself, by `mean` in its place, and at random.
    """

    shares: Shares
    by: dict[str, int]


def rows_of(method: str, given: Given) -> Rows:
    """Shares of old rows in the new ones.

    Raises:
        DataError: the texts do not say what the method asks of them.
    """
    shares = METHODS[method](given)
    is_own = _has_any(shares)
    by = {method: int(is_own.sum())}
    if method not in ("mean", "random"):
        rest: Shares = scipy.sparse.diags((~is_own).astype(float)) @ _mean(given)
        shares = (shares + rest).tocsr()
        by["mean"] = int(_has_any(rest.tocsr()).sum())
    by["random"] = int((~_has_any(shares)).sum())
    return Rows(shares, by)


def mixed(
    shares: Shares, table: Float[np.ndarray, "old dim"], seed: int
) -> Float[np.ndarray, "new dim"]:
    """New rows of a table; those without shares as old rows are spread."""
    rng = np.random.default_rng(seed)
    size = shares.shape[0], table.shape[1]
    drawn = table.mean(0) + table.std(0) * rng.standard_normal(size)
    found = np.where(_has_any(shares)[:, None], shares @ table, drawn)
    return found.astype(np.float32)


def _has_any(shares: Shares) -> np.ndarray:
    return np.asarray(shares.sum(1)).ravel() > 0


def _random(given: Given) -> Shares:
    return scipy.sparse.csr_matrix((len(given.new.pieces), given.new.first))


def _mean(given: Given) -> Shares:
    """Alike of all that stood in a piece's place."""
    parts = parts_of(given.old, given.new.pieces)
    rows = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
    shares = [1.0 / len(one) for one in parts for _ in one]
    columns = [id for one in parts for id in one]
    size = len(parts), given.new.first
    return scipy.sparse.coo_matrix((shares, (rows, columns)), shape=size).tocsr()


def _overlap(given: Given) -> Shares:
    """By old pieces with the same neighbours in the texts of the language (FOCUS)."""
    new = given.new
    size = new.first + len(new.pieces)
    texts = cut(new.tokenizer.backend, given.texts)
    old = np.setdiff1d(np.unique(np.concatenate(texts)), [*_without_meaning(given)])
    old = old[old < new.first]
    if len(old) < _LEAST:
        raise DataError(
            f"texts: at least {_LEAST} pieces of the model's own vocabulary must be in "
            f"the texts, for overlap to tell new ones by; got {len(old)}. Give more "
            f"texts, or use aligned, which needs none."
        )
    vectors = neighbour_vectors(texts, size)
    shares = mixtures(vectors[new.first :], vectors[old], sparsemax)
    return _placed(shares, old, new.first)


def _aligned(given: Given) -> Shares:
    """By old pieces with the same meaning in another language (WECHSEL)."""
    by = _of_pairs if given.vectors is None else _of_words
    theirs, ours, old = by(given)
    found = _placed(mixtures(theirs, ours, nearest_softmax), old, given.new.first)
    if not found.nnz:
        raise DataError(
            "aligned: new pieces must stand in pairs of texts, or in words with "
            "vectors; got none that does. Give those of the language of the texts."
        )
    return found


def _placed(shares: Shares, old: Ids, size: int) -> Shares:
    """Shares of some old rows as shares of all of them."""
    found = shares.tocoo()
    places = found.row, old[found.col]
    shape = shares.shape[0], size
    return scipy.sparse.coo_matrix((found.data, places), shape=shape).tocsr()


def _of_pairs(given: Given) -> tuple[Any, Any, Ids]:
    """The sentences that a piece stands in, or whose translations it does.

    Of new pieces, and of old ones with their ids.
    """
    theirs, ours = ([pair[side] for pair in given.pairs] for side in (0, 1))
    found = _told(given, cut(given.new.tokenizer.backend, theirs), 1.0)
    known = _told(given, cut(given.old.backend, ours), 1.0)
    old = _with_meaning(given, known)
    return found[given.new.first :], known[old], old


def _of_words(given: Given) -> tuple[Any, Any, Ids]:
    """The mean of the words that a piece stands in, frequent ones counting more."""
    assert given.vectors is not None
    backends = given.new.tokenizer.backend, given.old.backend
    sides = []
    for backend, (words, vectors) in zip(backends, given.vectors, strict=True):
        # By Zipf's law a word's frequency is as one to its rank. Lengths do not count.
        rank = 1.0 / np.arange(1, len(words) + 1)
        sides.append((_told(given, cut(backend, words), rank), vectors))
    (found, theirs), (known, ours) = sides
    old = _with_meaning(given, known)
    return found[given.new.first :] @ theirs, known[old] @ ours, old


def _told(given: Given, texts: Sequence[Ids], weight: Any) -> Shares:
    """Of every piece, old or new, which texts it stands in, by their weights."""
    every = [np.unique(ids) for ids in texts]
    columns = np.repeat(np.arange(len(every)), [len(ids) for ids in every])
    ids = np.concatenate([np.zeros(0, np.int64), *every])
    values = np.broadcast_to(weight, len(every))[columns]
    shape = given.new.first + len(given.new.pieces), len(every)
    return scipy.sparse.coo_matrix((values, (ids, columns)), shape=shape).tocsr()


def _with_meaning(given: Given, told: Shares) -> Ids:
    """Old pieces that are in some text."""
    used = np.flatnonzero(np.asarray(told.sum(1)).ravel()[: given.new.first])
    return np.setdiff1d(used, [*_without_meaning(given)])


def _without_meaning(given: Given) -> set[int]:
    """Old pieces with a meaning of their own, and what stands for the unknown."""
    old = given.old
    found = set(specials(content_of(old.backend), old.pad_id))
    found = found if old.unk_id is None else found | {old.unk_id}
    return {id for id in found if id < given.new.first}


METHODS: Mapping[str, Callable[[Given], Shares]] = {
    "overlap": _overlap,
    "aligned": _aligned,
    "mean": _mean,
    "random": _random,
}
