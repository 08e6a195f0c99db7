"""One score of alignment, and how sure it is.

Retrieval asks for the same space, which is what transfer without labels needs; the
other two for the same shape, which a rotation would be enough for.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from xlnas_jax.alignment.measures.base import MIN_PAIRS, Vectors, checked
from xlnas_jax.alignment.measures.cka import debiased_cka
from xlnas_jax.alignment.measures.retrieval import retrieval
from xlnas_jax.alignment.measures.rsim import rsim

GROUPS = 20


class Weights(NamedTuple):
    """What each part counts; they sum to 1."""

    retrieval: float = 0.5
    cka: float = 0.3
    rsim: float = 0.2


DEFAULT = Weights()


class Estimate(NamedTuple):
    """A score and its standard error over pairs."""

    value: float
    error: float


def combined_score(x: Vectors, y: Vectors, weights: Weights = DEFAULT) -> float:
    """Between 0 and 1: 1 for equal spaces, about 0 for unrelated ones.

    Values below 0, which chance can give, count as 0.
    """
    parts = (retrieval(x, y), debiased_cka(x, y), rsim(x, y))
    return float(np.dot(weights, np.maximum(parts, 0.0)))


def with_error(
    measure: Callable[[Vectors, Vectors], float],
    x: Vectors,
    y: Vectors,
    seed: int = 0,
) -> Estimate:
    """A measure with the standard error that leaving out pairs, group by group, shows.

    A bootstrap would draw sentences twice, and none is told from its double: measures
    that compare sentences with each other would be another thing on such a draw.

    References:
        Shao & Tu, "The Jackknife and Bootstrap", 1995, section 2.3 (groups).
        https://doi.org/10.1007/978-1-4612-0795-5
    """
    x, y = checked(x, y)
    value = measure(x, y)
    count = min(GROUPS, len(x) // 2)
    group = np.random.default_rng(seed).permutation(len(x)) % count
    if len(x) - np.bincount(group).max() < MIN_PAIRS:
        return Estimate(value, float("nan"))
    left = [measure(x[group != n], y[group != n]) for n in range(count)]
    spread = np.square(np.asarray(left) - np.mean(left)).sum()
    return Estimate(value, float(np.sqrt((count - 1) / count * spread)))
