"""What every measure is given, and what is none."""

import numpy as np
from jaxtyping import Float

from xlnas_jax.types import DataError

Vectors = Float[np.ndarray, "pair model"]
# Fewer say nothing, whatever the measure.
MIN_PAIRS = 4


def checked(x: np.ndarray, y: np.ndarray) -> tuple[Vectors, Vectors]:
    """Both in float64.

    Raises:
        DataError: they are no pairs, too few, or not finite, or all of one language
            are the same.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or x.shape != y.shape:
        raise DataError(
            f"alignment: there must be as many vectors, of as many numbers, in both "
            f"languages; got {x.shape} and {y.shape}."
        )
    if len(x) < MIN_PAIRS:
        raise DataError(
            f"alignment: there must be at least {MIN_PAIRS} pairs of translations; got "
            f"{len(x)}."
        )
    for name, vectors in (("first", x), ("second", y)):
        faulty = np.flatnonzero(~np.isfinite(vectors).all(1))
        if len(faulty):
            raise DataError(
                f"alignment: all vectors must be finite; of the {name} language "
                f"{len(faulty)} are not, the first of pair {faulty[0]}."
            )
        if not np.ptp(vectors, axis=0).any():
            raise DataError(
                f"alignment: vectors must differ; all {len(vectors)} of the {name} "
                f"language are the same. Their layer does not see the text."
            )
    return x, y


def unit(x: Vectors) -> Vectors:
    """Rows of length 1; a row of zeros stays one."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length == 0, 1.0, length)


def cosines(
    x: Vectors, y: Float[np.ndarray, "other model"]
) -> Float[np.ndarray, "pair other"]:
    """Of every vector with every one of the other side, which may be the same."""
    return unit(x) @ unit(y).T


def standardised(x: Vectors) -> Vectors:
    """Every dimension with mean 0 and deviation 1: none outweighs the others."""
    spread = x.std(0)
    return (x - x.mean(0)) / np.where(spread == 0, 1.0, spread)
