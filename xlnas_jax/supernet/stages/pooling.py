"""Pooling: how one vector is made of a sentence; see `heads.pool`."""

import numpy as np

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import POOLINGS, EncoderShape
from xlnas_jax.space.stage import Counts, Whole
from xlnas_jax.types import ConfigError

POOLING = "pooling"


def make_knob(config: SpaceConfig, shape: EncoderShape) -> Knob:
    """The configured ways, none of which is larger than another."""
    del shape
    for name in config.pooling:
        if name not in POOLINGS:
            raise ConfigError(
                f"space.pooling: {name!r} is unknown. Use some of {list(POOLINGS)}."
            )
    if not config.pooling or len(set(config.pooling)) != len(config.pooling):
        raise ConfigError(
            f"space.pooling: choices must differ and be at least one; "
            f"got {list(config.pooling)}."
        )
    return Knob(POOLING, config.pooling, 1, is_ordered=False)


def is_weighted(pooling: str) -> bool:
    """Whether it has weights of its own."""
    return pooling == "attentive"


def params(shape: EncoderShape, poolings: np.ndarray) -> Counts:
    """Of attentive pooling alone."""
    size = (shape.width + 1) * shape.attentive_dim
    return (poolings == "attentive").astype(np.int64) * size


def flops(shape: EncoderShape, length: int, poolings: np.ndarray) -> Counts:
    """A product with every token."""
    return 2 * length * params(shape, poolings)


WHOLE = Whole(POOLING, make_knob, params, flops)
