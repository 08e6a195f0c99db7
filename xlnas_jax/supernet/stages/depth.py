"""Depth: each layer may be skipped, with all of its stages.

References:
    Fan et al., "Reducing transformer depth on demand with structured dropout", 2020.
    https://arxiv.org/abs/1909.11556
"""

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape

KEEP = "keep"


def make_gate(config: SpaceConfig, shape: EncoderShape) -> Knob:
    """The knob that says which layers are kept."""
    return Knob(KEEP, (0, 1) if config.elastic_depth else (1,), shape.num_layers)
