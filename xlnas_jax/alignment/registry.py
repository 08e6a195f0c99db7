"""Alignment metrics by name, as similarities between 0 and 1."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.alignment.base import Similarity, Vectors
from xlnas_jax.alignment.cka import debiased_cka
from xlnas_jax.alignment.infonce import shared_information
from xlnas_jax.config.transfer import TransferConfig


def make_similarity(config: TransferConfig) -> Similarity:
    """The configured metric."""
    if config.alignment == "cka":
        return _clipped_cka
    return functools.partial(shared_information, temperature=config.temperature)


def _clipped_cka(x: Vectors, y: Vectors) -> Float[Array, ""]:
    """Debiased CKA without the values outside [0, 1] that chance can give it."""
    return jnp.clip(debiased_cka(x, y), 0.0, 1.0)
