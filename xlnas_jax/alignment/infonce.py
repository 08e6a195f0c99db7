"""How well a sentence's vector tells its translation from all others (InfoNCE).

What translations are ranked by in training is the same, with a margin.

References:
    Yang et al., "Improving multilingual sentence embedding using bi-directional dual
    encoder with additive margin softmax", 2019. https://arxiv.org/abs/1902.08564
    Feng et al., "Language-agnostic BERT Sentence Embedding", 2022.
    https://arxiv.org/abs/2007.01852
    van den Oord, Li & Vinyals, "Representation Learning with Contrastive Predictive
    Coding", 2018. https://arxiv.org/abs/1807.03748
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xlnas_jax.alignment.base import Vectors, inner


def infonce_loss(x: Vectors, y: Vectors, temperature: float) -> Float[Array, ""]:
    """Cross-entropy of naming the translation by cosines, mean of both directions."""
    logits = inner(_unit(x), _unit(y)) / temperature
    forwards, backwards = jax.nn.log_softmax(logits, 1), jax.nn.log_softmax(logits, 0)
    return -(jnp.diagonal(forwards) + jnp.diagonal(backwards)).mean() / 2


def ranking_loss(
    x: Vectors,
    y: Vectors,
    temperature: float,
    margin: float = 0.0,
    weight: Float[Array, " pair"] | None = None,
    meaning: Int[Array, " pair"] | None = None,
) -> Float[Array, ""]:
    """The same, where a translation must be nearer than all others by a margin.

    Args:
        margin: of the cosines, which the translation's own are less by.
        weight: 0 for pairs that only fill the batch: nothing is told from them.
        meaning: pairs with the same number mean the same: none is told from another.
    """
    num = x.shape[0]
    weight = jnp.ones(num) if weight is None else weight
    own = jnp.eye(num, dtype=bool)
    is_other = (weight > 0)[None, :]
    if meaning is not None:
        is_other = is_other & (meaning[:, None] != meaning[None, :])
    scores = inner(_unit(x), _unit(y)) - margin * own.astype(jnp.float32)
    low = jnp.asarray(jnp.finfo(jnp.float32).min / 2, jnp.float32)

    def lost(scores: Float[Array, "pair pair"]) -> Float[Array, " pair"]:
        told = jnp.where(own | is_other, scores / temperature, low)
        return -jnp.diagonal(jax.nn.log_softmax(told, axis=1))

    both = lost(scores) + lost(scores.T)
    return (both * weight).sum() / (2.0 * jnp.maximum(weight.sum(), 1.0))


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
