"""Rows with translations beside them, and what the plain encoder makes of either."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from tests.models import NUM_LABELS, SHAPE, random_batch, tiny_params, tiny_space
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.training.methods.base import Setting, texts_of
from xlnas_jax.training.step import network_of
from xlnas_jax.types import Batch, Said

SPACE = tiny_space()
SUPERNET = make_supernet(SPACE, SHAPE)
PARAMS = tiny_params()
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))


def setting(config: TrainConfig) -> Setting:
    return Setting(config, network_of(SUPERNET), SPACE, TASK)


def batch_of(with_back: bool = False) -> Batch:
    """Four rows; the last one only fills, the one before has no translation."""
    batch, other, back = (random_batch(0, 4, 9, seed=seed) for seed in (0, 1, 2))
    there = jnp.asarray([1.0, 1.0, 0.0, 0.0])
    back = dataclasses.replace(back, weight=jnp.asarray([1.0, 0.0, 0.0, 0.0]))
    other = dataclasses.replace(
        other, label=batch.label, weight=there, other=back if with_back else None
    )
    weight = jnp.asarray([1.0, 1.0, 1.0, 0.0])
    return dataclasses.replace(batch, weight=weight, other=other)


def heard(batch: Batch) -> Batch:
    """With what a teacher says of rows and of their translations."""
    rng = np.random.default_rng(0)
    one, other = (
        Said(jnp.asarray(rng.normal(size=(4, NUM_LABELS)), jnp.float32))
        for _ in range(2)
    )
    theirs = dataclasses.replace(batch.other, said=other)
    return dataclasses.replace(batch, said=one, other=theirs)


def embedded_of(batch: Batch) -> tuple[jax.Array, ...]:
    embeddings = PARAMS.encoder.embeddings
    return tuple(SUPERNET.embed(embeddings, one) for one in texts_of(batch))


@jax.jit
def _plain(batch: Batch) -> tuple[jax.Array, jax.Array]:
    x = SUPERNET.embed(PARAMS.encoder.embeddings, batch)
    hidden = SUPERNET.encode_full(PARAMS, x, batch)
    return hidden, SUPERNET.read_out(PARAMS, hidden, batch, SPACE.largest())


def plain(batch: Batch) -> tuple[jax.Array, jax.Array]:
    """Hidden states and logits of single texts."""
    return _plain(dataclasses.replace(batch, other=None, said=None))
