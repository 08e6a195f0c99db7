"""Tiny random models and batches that several tests share."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SharedParams, SupernetParams
from xlnas_jax.types import Batch

NUM_LABELS = 5

SHAPE = EncoderShape(
    vocab_size=60,
    width=24,
    num_layers=3,
    num_heads=4,
    head_dim=6,
    ffn=32,
    max_positions=24,
    num_segments=2,
    position_offset=0,
    pad_id=0,
    norm_epsilon=1e-12,
)


def tiny_space(shape: EncoderShape = SHAPE, min_layers: int = 1) -> SearchSpace:
    config = SpaceConfig(
        min_layers=min_layers,
        heads=(1, 2, 4),
        ffn=(8, 16, 32),
        pooling=("cls", "mean", "max", "attentive"),
    )
    return make_space(config, shape)


def tiny_params(shape: EncoderShape = SHAPE, seed: int = 0) -> SupernetParams:
    """Weights far larger than at a real start, so that errors cannot hide."""
    encoder_key, head_key, noise_key = jax.random.split(jax.random.key(seed), 3)
    params = SupernetParams(
        encoder=init_encoder(encoder_key, shape),
        head=init_head(head_key, shape, NUM_LABELS, True),
    )
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(noise_key, len(leaves))
    noisy = [
        leaf + 0.2 * jax.random.normal(key, leaf.shape)
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(tree, noisy)


def as_shared(params: SupernetParams) -> SharedParams:
    """The weights of one task as those of a search on it."""
    return SharedParams(encoder=params.encoder, heads={"task": params.head})


def random_batch(
    steps: int, batch: int, seq: int, seed: int = 0, num_languages: int = 2
) -> Batch:
    """Random tokens with random lengths; the leading axis is left out for 0 steps."""
    rng = np.random.default_rng(seed)
    lead = (steps, batch) if steps else (batch,)
    return Batch(
        tokens=jnp.asarray(rng.integers(1, 60, (*lead, seq)), jnp.int32),
        segments=jnp.asarray(rng.integers(0, 2, (*lead, seq)), jnp.int32),
        length=jnp.asarray(rng.integers(1, seq + 1, lead), jnp.int32),
        label=jnp.asarray(rng.integers(0, NUM_LABELS, lead), jnp.int32),
        language=jnp.asarray(rng.integers(0, num_languages, lead), jnp.int32),
        weight=jnp.asarray(rng.integers(0, 4, lead) > 0, jnp.float32),
    )


def labelled(label: Any, length: Any = None, seq: int = 1, weight: Any = None) -> Batch:
    """A batch of which only labels, lengths and weights matter; full rows if none."""
    num = len(jax.tree.leaves(label)[0])
    zeros = jnp.zeros((num, seq), jnp.int32)
    return Batch(
        tokens=zeros,
        segments=zeros,
        length=jnp.full(num, seq, jnp.int32) if length is None else length,
        label=label,
        language=jnp.zeros(num, jnp.int32),
        weight=jnp.ones(num) if weight is None else weight,
    )
