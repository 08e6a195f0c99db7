"""A network small enough to compile in no time, with the parts that a real one has."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.models import NUM_LABELS, tiny_space
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.params import EncoderParams, SupernetParams
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.training.methods.base import Network, Setting
from xlnas_jax.types import Batch, Said

SPACE = tiny_space()
LAYERS = SPACE.gate.sites
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))
_WIDTH = 8


def embed(params: SupernetParams, batch: Batch) -> jax.Array:
    """The mean of a row's tokens."""
    given: Any = params.encoder.embeddings
    return given["word"][batch.tokens].mean(1)


def full(
    params: SupernetParams, x: jax.Array, batch: Batch, arch: Any, key: Any = None
) -> Said:
    """A matrix for each layer, and one for the labels."""
    layers: Any = params.encoder.layers
    head: Any = params.head
    for layer in range(LAYERS):
        x = x + jnp.tanh(x @ layers["up"]["kernel"][layer])
    return Said(x @ head["output"])


def toy_params(seed: int = 0) -> SupernetParams:
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> jax.Array:
        return jnp.asarray(0.5 * rng.normal(size=shape), jnp.float32)

    encoder: Any = EncoderParams(
        {"word": drawn(60, _WIDTH)}, {"up": {"kernel": drawn(LAYERS, _WIDTH, _WIDTH)}}
    )
    head: Any = {"output": drawn(_WIDTH, NUM_LABELS)}
    return SupernetParams(encoder, head)


def toy_setting(config: TrainConfig, auxiliary: int = 2) -> Setting:
    return Setting(config, Network(full, embed=embed), SPACE, TASK, auxiliary=auxiliary)
