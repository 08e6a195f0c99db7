"""Which words of a sentence and its translation stand for each other.

By the likeness of their vectors alone: nothing is learnt from parallel text.

References:
    Jalili Sabet et al., "SimAlign: High Quality Word Alignments without Parallel
    Training Data using Static and Contextualized Embeddings", 2020.
    https://arxiv.org/abs/2004.08728
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from xlnas_jax.alignment.measures.base import cosines

Matching = Literal["mutual", "itermax"]
Likeness = Float[np.ndarray, "word other"]
# Of the paper: so many turns, and what pairs count for of which one word has a partner.
TURNS, SHARED = 2, 0.9


def align_words(
    x: Float[np.ndarray, "word model"],
    y: Float[np.ndarray, "other model"],
    matching: Matching = "itermax",
) -> set[tuple[int, int]]:
    """Pairs of places in both; a word may be in none or in several.

    Args:
        matching: words that are each other's likest (`mutual`), or also those that are
            so once words with a partner count less (`itermax`).
    """
    if not len(x) or not len(y):
        return set()
    # From 0 to 1, so that a factor makes it less.
    likeness = (1.0 + cosines(x, y)) / 2.0
    found = mutual(likeness, np.ones_like(likeness, bool))
    for _ in range(TURNS - 1 if matching == "itermax" else 0):
        ours, theirs = (found.max(axis, keepdims=True) for axis in (1, 0))
        factor = np.where(ours | theirs, SHARED, 1.0)
        more = mutual(likeness * factor, ~(ours & theirs))
        if not more.any():
            break
        found |= more
    return {(int(a), int(b)) for a, b in zip(*np.nonzero(found), strict=True)}


def mutual(
    likeness: Likeness, allowed: Bool[np.ndarray, "word other"]
) -> Bool[np.ndarray, "word other"]:
    """Pairs, of those that are allowed, that are the likest of both their words."""
    scores = np.where(allowed, likeness, -1.0)
    ours = scores.argmax(1)[:, None] == np.arange(scores.shape[1])[None]
    theirs = scores.argmax(0)[None] == np.arange(scores.shape[0])[:, None]
    return ours & theirs & allowed
