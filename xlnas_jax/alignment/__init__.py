"""Similarity of the spaces that translations are mapped to; one metric a file.

Every metric is a differentiable function of two matrices whose rows with the same
number are translations, in float32, and says what its ends mean. As a score it lies
between 0 and 1, where 1 is best: see `make_similarity`.
"""

from xlnas_jax.alignment.base import Similarity, Vectors
from xlnas_jax.alignment.cka import debiased_cka
from xlnas_jax.alignment.infonce import infonce_loss, shared_information
from xlnas_jax.alignment.registry import make_similarity

__all__ = [
    "Similarity",
    "Vectors",
    "debiased_cka",
    "infonce_loss",
    "make_similarity",
    "shared_information",
]
