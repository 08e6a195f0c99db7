"""How much a layer turns what passes through it.

References:
    Men et al., "ShortGPT: Layers in Large Language Models are More Redundant Than You
    Expect", 2024. https://arxiv.org/abs/2403.03853
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Run
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import EncoderParams
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.training.distance import cosine
from xlnas_jax.types import Batch


def influence(
    encoder: EncoderParams, space: SearchSpace, shape: EncoderShape, batch: Batch
) -> Float[Array, " layer"]:
    """One less the cosine between what enters a layer and what leaves it.

    Summed over the tokens of the full network; padding and rows of weight 0 do not
    count.
    """
    tables = encoder.embeddings
    x = embed(tables, shape, batch.tokens, batch.segments, jnp.float32)
    counts = batch.mask.astype(jnp.float32) * batch.weight[:, None]
    full = [(stage, space.full(stage)) for stage in space.stages]

    def body(x: Array, layer):
        y = x
        for stage, values in full:
            y = stage.run(y, layer, batch.mask, shape, Run(values=values))
        turned = 1.0 - cosine(x.reshape(-1, shape.width), y.reshape(-1, shape.width))
        return y, (turned * counts.reshape(-1)).sum()

    return jax.lax.scan(body, x, layers_of(encoder, shape))[1]
