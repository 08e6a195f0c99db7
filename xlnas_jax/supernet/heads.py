"""From token vectors to class logits: pooling, a dense layer with tanh, an output.

The two dense layers are those of Hugging Face's sequence classifiers, so that a
fine-tuned classifier can be imported whole.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.layers import Dropout, Hidden, TokenMask, drop
from xlnas_jax.supernet.params import AttentivePool, Dense, HeadParams

Pooled = Float[Array, "batch model"]


def init_head(
    key: Key[Array, ""], shape: EncoderShape, num_outputs: int, has_attentive: bool
) -> HeadParams:
    """A new head: normal weights of deviation 0.02, zero biases."""
    hidden_key, output_key, kernel_key, vector_key = jax.random.split(key, 4)
    width, inner = shape.width, shape.attentive_dim

    def normal(key: Key[Array, ""], *sizes: int) -> Float[Array, "..."]:
        return 0.02 * jax.random.normal(key, sizes, jnp.float32)

    attentive = AttentivePool(
        normal(kernel_key, width, inner), normal(vector_key, inner)
    )
    return HeadParams(
        hidden=Dense(normal(hidden_key, width, width), jnp.zeros(width)),
        output=Dense(normal(output_key, width, num_outputs), jnp.zeros(num_outputs)),
        attentive=attentive if has_attentive else None,
    )


def pool(x: Hidden, mask: TokenMask, head: HeadParams, pooling: str) -> Pooled:
    """One float32 vector per sentence; padding never takes part."""
    x = x.astype(jnp.float32)
    weights = mask.astype(jnp.float32)
    if pooling == "cls":
        return x[:, 0]
    if pooling == "mean":
        count = jnp.maximum(weights.sum(-1), 1.0)
        return jnp.einsum("bsm,bs->bm", x, weights) / count[:, None]
    low = jnp.asarray(jnp.finfo(jnp.float32).min / 2, jnp.float32)
    if pooling == "max":
        # Never over zeros from padding: a negative maximum would be lost.
        return jnp.where(mask[:, :, None], x, low).max(1)
    assert pooling == "attentive" and head.attentive is not None
    inner = jnp.tanh(jnp.einsum("bsm,mi->bsi", x, head.attentive.kernel))
    score = jnp.einsum("bsi,i->bs", inner, head.attentive.vector)
    score = jax.nn.softmax(jnp.where(mask, score, low), axis=-1)
    return jnp.einsum("bsm,bs->bm", x, score)


def pool_chosen(
    x: Hidden,
    mask: TokenMask,
    head: HeadParams,
    poolings: tuple[str, ...],
    index: Int[Array, ""],
) -> Pooled:
    """The pooling that an architecture chose among `poolings`."""
    branches = [lambda x, m, h, p=name: pool(x, m, h, p) for name in poolings]
    return jax.lax.switch(index, branches, x, mask, head)


def classify(
    pooled: Pooled, head: HeadParams, dropout: Dropout | None = None
) -> Float[Array, "batch label"]:
    """Class logits of pooled sentences, in float32."""
    x = drop(pooled, dropout, 4)
    x = jnp.tanh(x @ head.hidden.kernel + head.hidden.bias[None])
    x = drop(x, dropout, 5)
    return x @ head.output.kernel + head.output.bias[None]
