"""Centered kernel alignment without the bias that few sentences give it.

The ordinary estimate calls two independent spaces of 768 dimensions alike (0.86 with
128 sentences); this one is about 0 there. It does not see rotations: spaces can be
alike although no sentence is near its translation.

References:
    Song et al., "Feature Selection via Dependence Maximization", 2012 (HSIC_1).
    https://www.jmlr.org/papers/v13/song12a.html
    Kornblith et al., "Similarity of Neural Network Representations Revisited", 2019.
    https://arxiv.org/abs/1905.00414
    Nguyen, Raghu & Kornblith, "Do Wide and Deep Networks Learn the Same Things?",
    2021. https://arxiv.org/abs/2010.15327
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.alignment.base import Vectors, inner

Kernel = Float[Array, "pair pair"]
MIN_PAIRS = 4


def debiased_cka(x: Vectors, y: Vectors) -> Float[Array, ""]:
    """Linear CKA of unbiased HSIC: 1 up to rotation and scale, about 0 if unrelated.

    It may be slightly negative. Where all vectors of a language are the same, it is 0.
    """
    ours, theirs = _u_centred(x), _u_centred(y)
    scale = jnp.sqrt(_hsic(ours, ours)) * jnp.sqrt(_hsic(theirs, theirs))
    is_flat = scale == 0
    return jnp.where(is_flat, 0.0, _hsic(ours, theirs) / jnp.where(is_flat, 1.0, scale))


def _hsic(ours: Kernel, theirs: Kernel) -> Float[Array, ""]:
    """HSIC_1, equation 5 of Song et al., of kernels that `_u_centred` made.

    Written out for kernels that are not centred, it is a difference of large numbers,
    which float32 does not survive; this inner product is the same.
    """
    num = ours.shape[0]
    return (ours * theirs).sum() / (num * (num - 3))


def _u_centred(x: Vectors) -> Kernel:
    """The linear kernel, its diagonal 0, less what rows and columns have in common.

    References:
        Székely & Rizzo, "Partial Distance Correlation with Methods for
        Dissimilarities", 2014. https://arxiv.org/abs/1310.2926
    """
    num = x.shape[0]
    assert num >= MIN_PAIRS, "an unbiased estimate needs 4 pairs"
    # Changes rows and columns by constants, which is taken away again below, and
    # keeps the digits that a large mean would cost.
    x = x - x.mean(0, keepdims=True)
    off_diagonal = 1.0 - jnp.eye(num, dtype=x.dtype)
    kernel = inner(x, x) * off_diagonal
    rows = kernel.sum(1) / (num - 2)
    every = kernel.sum() / ((num - 1) * (num - 2))
    return (kernel - rows[:, None] - rows[None, :] + every) * off_diagonal
