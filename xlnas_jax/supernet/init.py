"""New encoder weights, for supernets that are trained from nothing."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
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


def make_normal(key: Key[Array, ""] | None) -> Callable[..., Float[Array, "..."]]:
    """Builds `(*sizes) -> array`, normal of deviation 0.02, anew at each call.

    Drawn on the host: a program would be compiled for every shape, which takes
    longer than all else at the start of a search. Zeros where there is no key, for
    callers that want no more than shapes.
    """
    if key is None:
        return lambda *sizes: jnp.zeros(sizes, jnp.float32)
    generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))

    def normal(*sizes: int) -> Float[Array, "..."]:
        drawn = generator.standard_normal(sizes, np.float32)
        return jnp.asarray(drawn * np.float32(DEVIATION))

    return normal


def init_encoder(key: Key[Array, ""] | None, shape: EncoderShape) -> EncoderParams:
    """Normal weights of deviation 0.02, as BERT's, zero biases, unit norms."""
    normal = make_normal(key)
    width, heads, size = shape.width, shape.num_heads, shape.head_dim
    layers, ffn = shape.num_layers, shape.ffn

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
