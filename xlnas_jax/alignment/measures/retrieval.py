"""Whether a sentence's nearest neighbour in the other language is its translation.

References:
    Hu et al., "XTREME", 2020 (Tatoeba: cosine, nearest neighbour).
    https://arxiv.org/abs/2003.11080
    Conneau et al., "Word Translation Without Parallel Data", 2018 (CSLS).
    https://arxiv.org/abs/1710.04087
    Artetxe & Schwenk, "Margin-based Parallel Corpus Mining", 2019 (margins).
    https://arxiv.org/abs/1811.01136
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float

from xlnas_jax.alignment.measures.base import Vectors, checked, cosines

Scores = Float[np.ndarray, "source target"]
Margin = Literal["ratio", "distance", "absolute"]
CSLS_NEIGHBOURS = 10
MARGIN_NEIGHBOURS = 4


def csls(scores: Scores, neighbours: int = CSLS_NEIGHBOURS) -> Scores:
    """Cosines less those with the nearest neighbours: hubs, near to all, stand back."""
    ours, theirs = (nearest_mean(scores, axis, neighbours) for axis in (1, 0))
    return 2.0 * scores - ours - theirs


def margin(
    scores: Scores, kind: Margin = "ratio", neighbours: int = MARGIN_NEIGHBOURS
) -> Scores:
    """Cosines against the mean of those with the nearest neighbours of both sides."""
    if kind == "absolute":
        return scores
    ours, theirs = (nearest_mean(scores, axis, neighbours) for axis in (1, 0))
    usual = (ours + theirs) / 2.0
    return scores / usual if kind == "ratio" else scores - usual


def precision_at_1(scores: Scores) -> tuple[float, float]:
    """Share of sentences whose translation scores best: from source, and from target.

    Row and column with the same number are translations. Of several that score the
    same, each is right in part: equal vectors are not told apart.
    """
    hits = hits_at_1(scores), hits_at_1(scores.T)
    return float(hits[0].mean()), float(hits[1].mean())


def hits_at_1(scores: Scores) -> Float[np.ndarray, " source"]:
    """Of every sentence, 1 if its translation scores best, its part if others too."""
    best = scores.max(1, keepdims=True)
    is_best = scores == best
    return np.diagonal(is_best) / is_best.sum(1)


def retrieval(
    x: Vectors, y: Vectors, score: Callable[[Scores], Scores] = lambda scores: scores
) -> float:
    """Mean of both directions."""
    x, y = checked(x, y)
    return float(np.mean(precision_at_1(score(cosines(x, y)))))


def nearest_mean(
    scores: Scores, axis: int, neighbours: int
) -> Float[np.ndarray, "_ _"]:
    """Mean score with the nearest along an axis, which is left with one entry."""
    size = scores.shape[axis]
    count = min(neighbours, size)
    part = np.partition(scores, size - count, axis=axis)
    largest = np.take(part, range(size - count, size), axis=axis)
    return largest.mean(axis, keepdims=True)
