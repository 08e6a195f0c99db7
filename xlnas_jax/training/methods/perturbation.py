"""Small changes of embedded tokens that a network's loss rises by."""

import jax.numpy as jnp
from jaxtyping import Array, Float

# Embedded tokens, or what is added to them; rows come first.
Tokens = Float[Array, "..."]


def uphill(grad: Tokens) -> Tokens:
    """Of every row the direction in which its loss rises, of length 1.

    A row whose loss depends on nothing has none.
    """
    grad = grad.astype(jnp.float32)
    size = length(grad)
    return jnp.where(size > 0, grad / jnp.where(size > 0, size, 1.0), 0.0)


def within(added: Tokens, radius: float) -> Tokens:
    """The nearest to it of every row whose length is at most `radius`."""
    size = length(added)
    return added * jnp.where(size > radius, radius / jnp.maximum(size, radius), 1.0)


def length(rows: Tokens) -> Tokens:
    """The L2 norm of each row, over all of its tokens; axes are kept."""
    # Of rows that are all but zero a sum of squares would be zero.
    axes = tuple(range(1, rows.ndim))
    largest = jnp.abs(rows).max(axes, keepdims=True)
    scale = jnp.where(largest > 0, largest, 1.0)
    return scale * jnp.sqrt(jnp.square(rows / scale).sum(axes, keepdims=True))


def moved(x: Tokens, added: Tokens) -> Tokens:
    """Embedded tokens with what is added to them, in their own dtype."""
    return (x.astype(jnp.float32) + added).astype(x.dtype)
