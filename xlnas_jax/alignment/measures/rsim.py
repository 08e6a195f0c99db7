"""Whether sentences that are near in one language are near in the other.

References:
    Vulić, Ruder & Søgaard, "Are All Good Word Vector Spaces Isomorphic?", 2020.
    https://arxiv.org/abs/2004.04070
"""

import numpy as np

from xlnas_jax.alignment.measures.base import Vectors, checked, cosines


def rsim(x: Vectors, y: Vectors) -> float:
    """Pearson's correlation of the cosines inside each language, over all pairs.

    0 where all cosines of a language are the same.
    """
    x, y = checked(x, y)
    upper = np.triu_indices(len(x), 1)
    inside = [cosines(v, v)[upper] for v in (x, y)]
    ours, theirs = (one - one.mean() for one in inside)
    scale = np.sqrt((ours @ ours) * (theirs @ theirs))
    return float(ours @ theirs / scale) if scale > 0 else 0.0
