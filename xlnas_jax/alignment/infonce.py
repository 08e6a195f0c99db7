"""How well a sentence's vector tells its translation from all others (InfoNCE).

References:
    van den Oord, Li & Vinyals, "Representation Learning with Contrastive Predictive
    Coding", 2018. https://arxiv.org/abs/1807.03748
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.alignment.base import Vectors, inner


def infonce_loss(x: Vectors, y: Vectors, temperature: float) -> Float[Array, ""]:
    """Cross-entropy of naming the translation by cosines, mean of both directions."""
    logits = inner(_unit(x), _unit(y)) / temperature
    forwards, backwards = jax.nn.log_softmax(logits, 1), jax.nn.log_softmax(logits, 0)
    return -(jnp.diagonal(forwards) + jnp.diagonal(backwards)).mean() / 2


def shared_information(x: Vectors, y: Vectors, temperature: float) -> Float[Array, ""]:
    """`1 - InfoNCE / log(pairs)`, not below 0: a similarity.

    `log(pairs) - InfoNCE` is a lower bound of the mutual information of the two sides,
    which is at most `log(pairs)`: this is the share of it. It is 0 where translations
    are told no better than by chance, 1 where they always are and for certain, and
    linear in the loss between. It depends on the number of pairs: compare at equal
    numbers only.
    """
    loss = infonce_loss(x, y, temperature)
    return jnp.maximum(1.0 - loss / math.log(x.shape[0]), 0.0)


def _unit(x: Vectors) -> Vectors:
    """Rows of length 1; a row of zeros stays one."""
    square = (x * x).sum(-1, keepdims=True)
    is_zero = square == 0
    return x / jnp.sqrt(jnp.where(is_zero, 1.0, square))
