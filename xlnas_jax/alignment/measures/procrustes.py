"""What is left of the difference of two spaces after the best rotation.

References:
    Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966.
    https://doi.org/10.1007/BF02289451
"""

import numpy as np
from jaxtyping import Float

from xlnas_jax.alignment.measures.base import Vectors, checked


def rotation(x: Vectors, y: Vectors) -> Float[np.ndarray, "model model"]:
    """The orthogonal `W` with the least `|x W' - y|`."""
    left, _, right = np.linalg.svd(y.T @ x)
    return left @ right


def procrustes_disparity(x: Vectors, y: Vectors) -> float:
    """0 for spaces that are one rotated, moved or scaled; 1 for unrelated ones."""
    x, y = (v - v.mean(0) for v in checked(x, y))
    x, y = (v / np.linalg.norm(v) for v in (x, y))
    nuclear = np.linalg.svd(x.T @ y, compute_uv=False).sum()
    return float(max(0.0, 1.0 - nuclear**2))
