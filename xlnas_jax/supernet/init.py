"""New encoder weights, for supernets that are trained from nothing."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.params import (
    Dense,
    EmbeddingParams,
    EncoderParams,
    LayerParams,
    Norm,
)

DEVIATION = 0.02


def init_encoder(key: Key[Array, ""], shape: EncoderShape) -> EncoderParams:
    """Normal weights of deviation 0.02, as BERT's, zero biases, unit norms."""
    keys = iter(jax.random.split(key, 9))
    width, heads, size = shape.width, shape.num_heads, shape.head_dim
    layers, ffn = shape.num_layers, shape.ffn

    def normal(*sizes: int) -> Float[Array, "..."]:
        return DEVIATION * jax.random.normal(next(keys), sizes, jnp.float32)

    def dense(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Dense:
        return Dense(normal(layers, *inputs, *outputs), jnp.zeros((layers, *outputs)))

    def norm(*sizes: int) -> Norm:
        return Norm(jnp.ones((*sizes, width)), jnp.zeros((*sizes, width)))

    return EncoderParams(
        embeddings=EmbeddingParams(
            word=normal(shape.vocab_size, width),
            position=normal(shape.max_positions, width),
            segment=normal(shape.num_segments, width),
            norm=norm(),
        ),
        layers=LayerParams(
            query=dense((width,), (heads, size)),
            key=dense((width,), (heads, size)),
            value=dense((width,), (heads, size)),
            output=dense((heads, size), (width,)),
            attention_norm=norm(layers),
            up=dense((width,), (ffn,)),
            down=dense((ffn,), (width,)),
            ffn_norm=norm(layers),
        ),
    )
