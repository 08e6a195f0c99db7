"""New vectors as mixtures of known ones: which of them, and in which shares.

Both sides have vectors in one space that is not the model's: by likeness there, rows of
the model's own table are mixed.

References:
    Dobler & de Melo, "FOCUS: Effective Embedding Initialization for Monolingual
    Specialization of Multilingual Models", 2023 (sparsemax over all that is known).
    https://arxiv.org/abs/2305.14481
    Minixhofer, Paischer & Rekabsaz, "WECHSEL", 2022 (softmax over the nearest).
    https://arxiv.org/abs/2112.06598
    Martins & Astudillo, "From Softmax to Sparsemax", 2016.
    https://arxiv.org/abs/1602.02068
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Float

from xlnas_jax.alignment.measures.base import unit

Scores = Float[np.ndarray, "new known"]
Weigh = Callable[[Scores], Scores]
# Of WECHSEL: so many of the nearest, and how sharply the nearest of them counts.
NEAREST, TEMPERATURE = 10, 0.1
# Rows that are compared at once: with a hundred thousand others, 200 MB.
_AT_ONCE = 256


def sparsemax(scores: Scores) -> Scores:
    """The nearest point to each row among distributions: most shares are 0."""
    ordered = -np.sort(-scores, axis=1)
    sums = ordered.cumsum(1) - 1.0
    counts = np.arange(1, scores.shape[1] + 1)
    is_in = counts[None] * ordered > sums
    size = is_in.sum(1)
    threshold = sums[np.arange(len(scores)), size - 1] / size
    return np.maximum(scores - threshold[:, None], 0.0)


def nearest_softmax(scores: Scores) -> Scores:
    """A softmax over the nearest of each row."""
    most = min(NEAREST, scores.shape[1])
    chosen = np.argsort(-scores, axis=1, kind="stable")[:, :most]
    best = np.take_along_axis(scores, chosen, 1)
    shares = np.exp((best - best[:, :1]) / TEMPERATURE)
    found = np.zeros_like(scores)
    np.put_along_axis(found, chosen, shares / shares.sum(1, keepdims=True), 1)
    return found


def mixtures(new: Any, known: Any, weigh: Weigh) -> Any:
    """Shares of what is known in each new one, by cosines of their vectors; sparse.

    Args:
        new, known: vectors, a row each, dense or sparse; a row of zeros has no vector:
            a new one has no shares then, and a known one is in no mixture.
    """
    new, known = _unit(new), _unit(known)
    rows, there = (np.flatnonzero(_lengths(one) > 0) for one in (new, known))
    size = new.shape[0], known.shape[0]
    if not len(rows) or not len(there):
        return scipy.sparse.csr_matrix(size)
    parts = []
    for start in range(0, len(rows), _AT_ONCE):
        scores = new[rows[start : start + _AT_ONCE]] @ known[there].T
        scores = scores.toarray() if scipy.sparse.issparse(scores) else scores
        parts.append(scipy.sparse.coo_matrix(weigh(np.asarray(scores))))
    found: Any = scipy.sparse.vstack(parts, format="coo")
    places = rows[found.row], there[found.col]
    return scipy.sparse.coo_matrix((found.data, places), shape=size).tocsr()


def _unit(vectors: Any) -> Any:
    if not scipy.sparse.issparse(vectors):
        return unit(np.asarray(vectors, np.float64))
    length = _lengths(vectors)
    scale: Any = scipy.sparse.diags(1.0 / np.where(length == 0, 1.0, length))
    return scale @ vectors


def _lengths(vectors: Any) -> Float[np.ndarray, " row"]:
    if scipy.sparse.issparse(vectors):
        return np.sqrt(np.asarray(vectors.multiply(vectors).sum(1)).ravel())
    return np.linalg.norm(vectors, axis=1)
