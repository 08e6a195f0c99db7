"""How far the means of two languages lie apart.

References:
    Libovický, Rosa & Fraser, "How Language-Neutral is Multilingual BERT?", 2019:
    means of languages, and what is left when they are taken away.
    https://arxiv.org/abs/1911.03310
"""

import numpy as np

from xlnas_jax.alignment.measures.base import Vectors, checked


def centroid_distance(x: Vectors, y: Vectors) -> float:
    """Length of the difference of the means, in units of the spread inside.

    The spread is the root of the mean squared distance from a language's own mean.
    """
    x, y = checked(x, y)
    spread = np.mean([np.sqrt(np.square(v - v.mean(0)).sum(1).mean()) for v in (x, y)])
    return float(np.linalg.norm(x.mean(0) - y.mean(0)) / spread)


def centroid_cosine_distance(x: Vectors, y: Vectors) -> float:
    """One less the cosine of the means."""
    x, y = checked(x, y)
    ours, theirs = x.mean(0), y.mean(0)
    scale = np.linalg.norm(ours) * np.linalg.norm(theirs)
    return float(1.0 - ours @ theirs / scale) if scale > 0 else 1.0


def without_centroids(x: Vectors, y: Vectors) -> tuple[Vectors, Vectors]:
    """Both without their means: an alignment that costs nothing."""
    x, y = checked(x, y)
    return x - x.mean(0), y - y.mean(0)
