"""Which words of two languages translate each other, by their vectors in one space.

References:
    Conneau et al., "Word Translation Without Parallel Data", 2018 (CSLS, neighbours
    that are mutual, precision). https://arxiv.org/abs/1710.04087
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.alignment.measures.base import cosines
from xlnas_jax.alignment.measures.retrieval import CSLS_NEIGHBOURS, csls

Source = Float[np.ndarray, "source model"]
Target = Float[np.ndarray, "target model"]


class Pairs(NamedTuple):
    """Rows of two lists of words that translate each other.

    Attributes:
        scores: CSLS of each pair; higher is surer.
    """

    source: Int[np.ndarray, " pair"]
    target: Int[np.ndarray, " pair"]
    scores: Float[np.ndarray, " pair"]


def scores_of(
    x: Source, y: Target, neighbours: int = CSLS_NEIGHBOURS
) -> Float[np.ndarray, "source target"]:
    """CSLS of all words with all words, which are in one space already."""
    return csls(cosines(x, y), neighbours)


def mutual_pairs(x: Source, y: Target, neighbours: int = CSLS_NEIGHBOURS) -> Pairs:
    """Words that are each other's nearest, the surest first."""
    scores = scores_of(x, y, neighbours)
    forwards, backwards = scores.argmax(1), scores.argmax(0)
    source = np.flatnonzero(backwards[forwards] == np.arange(len(x)))
    target = forwards[source]
    found = scores[source, target]
    order = np.argsort(-found, kind="stable")
    return Pairs(source[order], target[order], found[order])


def translations(
    x: Source, y: Target, most: int = 1, neighbours: int = CSLS_NEIGHBOURS
) -> Int[np.ndarray, "source most"]:
    """The best words of the target for each word of the source, the best first."""
    scores = scores_of(x, y, neighbours)
    return np.argsort(-scores, axis=1, kind="stable")[:, :most]


def precision_at(
    k: int, found: Int[np.ndarray, "source most"], gold: Mapping[int, Sequence[int]]
) -> float:
    """Share of the words in `gold` of which some right translation is among the `k`.

    Args:
        found: see `translations`.
        gold: by row of the source, all rows of the target that are right.
    """
    hits = [
        bool(set(found[word, :k].tolist()) & set(right)) for word, right in gold.items()
    ]
    return float(np.mean(hits)) if hits else float("nan")


def to_words(
    pairs: Pairs, source: Sequence[str], target: Sequence[str]
) -> dict[str, str]:
    """A dictionary; of a word that stands twice, the surest translation."""
    found: dict[str, str] = {}
    for ours, theirs in zip(pairs.source, pairs.target, strict=True):
        found.setdefault(str(source[int(ours)]), str(target[int(theirs)]))
    return found
