"""What every alignment metric takes and gives."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Vectors = Float[Array, "pair model"]
# Of two languages; 1 is best, 0 worst.
Similarity = Callable[[Vectors, Vectors], Float[Array, ""]]


def inner(x: Vectors, y: Vectors) -> Float[Array, "pair pair"]:
    """Inner products of all rows, in full float32 on any device."""
    return jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
