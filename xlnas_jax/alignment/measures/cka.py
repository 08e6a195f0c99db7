"""Centered kernel alignment without bias, whole or averaged over batches.

It is 1 up to rotation and scale, about 0 for unrelated spaces, and may fall a little
below. It does not see rotations: spaces may be alike although no sentence is near its
translation.

References:
    Song et al., "Feature Selection via Dependence Maximization", 2012, equation 5.
    https://www.jmlr.org/papers/v13/song12a.html
    Kornblith et al., "Similarity of Neural Network Representations Revisited", 2019.
    https://arxiv.org/abs/1905.00414
    Nguyen, Raghu & Kornblith, "Do Wide and Deep Networks Learn the Same Things?",
    2021 (batches). https://arxiv.org/abs/2010.15327
"""

import numpy as np
from jaxtyping import Float

from xlnas_jax.alignment.measures.base import MIN_PAIRS, Vectors, checked

Kernel = Float[np.ndarray, "pair pair"]


def debiased_cka(x: Vectors, y: Vectors) -> float:
    """Linear CKA of the unbiased HSIC of all pairs; 0 where one has no variance."""
    return minibatch_cka(x, y, len(x))


def minibatch_cka(x: Vectors, y: Vectors, batch: int) -> float:
    """Every HSIC averaged over batches of pairs in order, and divided only then.

    Memory is that of one batch. What is left over, fewer than four pairs, is left out.
    """
    x, y = checked(x, y)
    # HSIC does not see means; products of large ones would cost digits.
    x, y = x - x.mean(0), y - y.mean(0)
    sums = np.zeros(3)
    for first in range(0, len(x), max(batch, MIN_PAIRS)):
        part = slice(first, first + max(batch, MIN_PAIRS))
        if len(x[part]) >= MIN_PAIRS:
            ours, theirs = _kernel(x[part]), _kernel(y[part])
            pairs = ((ours, theirs), (ours, ours), (theirs, theirs))
            sums += [hsic(one, other) for one, other in pairs]
    together, alone = sums[0], sums[1] * sums[2]
    return float(together / np.sqrt(alone)) if alone > 0 else 0.0


def hsic(ours: Kernel, theirs: Kernel) -> float:
    """HSIC_1 of two kernels whose diagonals are 0."""
    num = len(ours)
    trace = (ours * theirs).sum()
    means = ours.sum() * theirs.sum() / ((num - 1) * (num - 2))
    cross = 2.0 / (num - 2) * (ours.sum(0) @ theirs.sum(1))
    return float((trace + means - cross) / (num * (num - 3)))


def _kernel(x: Vectors) -> Kernel:
    kernel = x @ x.T
    np.fill_diagonal(kernel, 0.0)
    return kernel
