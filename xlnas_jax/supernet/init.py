"""New encoder weights, for supernets that are trained from nothing."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import (
    EmbeddingParams,
    EncoderParams,
    LayerParams,
    on_device,
)
from xlnas_jax.supernet.pieces.norms import new_norm
from xlnas_jax.supernet.stages.registry import PRETRAINED

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
        return on_device(drawn * np.float32(DEVIATION))

    return normal


def init_encoder(
    key: Key[Array, ""] | None, shape: EncoderShape, space: SearchSpace | None = None
) -> EncoderParams:
    """Normal weights of deviation 0.02, as BERT's, zero biases, unit norms.

    Args:
        space: whose stages the layers have; those of every pretrained encoder if none.
    """
    normal, spec = make_normal(key), shape.spec
    width = shape.width
    embeddings = EmbeddingParams(
        word=normal(shape.word_rows, width),
        position=normal(shape.position_rows, width) if shape.position_rows else None,
        segment=normal(shape.num_segments, width) if spec.has_segments else None,
        norm=new_norm(shape) if spec.has_embedding_norm else None,
        relative=normal(shape.relative_rows, width) if shape.relative_rows else None,
        relative_norm=new_norm(shape) if shape.relative_rows else None,
    )
    final = new_norm(shape) if spec.has_final_norm else None
    stages = PRETRAINED if space is None else space.stages
    made: dict[str, Any] = {}
    for stage in stages:
        made |= stage.init(normal, shape, {})
    encoder = EncoderParams(embeddings, LayerParams(**made), final)
    return encoder if space is None else with_new_stages(encoder, normal, shape, space)


def with_new_stages(
    encoder: EncoderParams,
    normal: Callable[..., Float[Array, "..."]],
    shape: EncoderShape,
    space: SearchSpace,
) -> EncoderParams:
    """The encoder with weights for stages that it was not pretrained with."""
    more: dict[str, Any] = {}
    for stage in space.stages:
        more |= stage.init_new(normal, shape, space.full(stage))
    if not more:
        return encoder
    layers = dataclasses.replace(encoder.layers, more=more)
    return dataclasses.replace(encoder, layers=layers)
