"""Tiny random models and batches that several tests share."""

import functools
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


def few_choices(pooling: tuple[str, ...] = ("cls", "mean")) -> SearchSpace:
    """The ends of each choice: what lies between is one branch more to compile."""
    config = SpaceConfig(min_layers=1, heads=(2, 4), ffn=(8, 32), pooling=pooling)
    return make_space(config, SHAPE)


def tiny_params(shape: EncoderShape = SHAPE, seed: int = 0) -> SupernetParams:
    """Weights far larger than at a real start, so that errors cannot hide."""
    encoder_key, head_key = keys_of(seed, 2)
    params = SupernetParams(
        encoder=init_encoder(encoder_key, shape),
        head=init_head(head_key, shape, NUM_LABELS, True),
    )
    return with_noise(params, seed)


@functools.partial(jax.jit, static_argnums=1)
def keys_of(seed: Any, num: int) -> tuple[jax.Array, ...]:
    """So many keys, by one program whatever the seed."""
    keys = jax.random.split(jax.random.key(seed), num)
    return tuple(keys[place] for place in range(num))


def with_noise(params: SupernetParams, seed: int) -> SupernetParams:
    """Each weight moved at random; drawn on the host, where nothing is compiled."""
    rng = np.random.default_rng(seed)

    def moved(leaf: jax.Array) -> jax.Array:
        noise = np.float32(0.2) * rng.standard_normal(leaf.shape, np.float32)
        return jnp.array(np.asarray(leaf) + noise)

    return jax.tree.map(moved, params)


def as_shared(params: SupernetParams) -> SharedParams:
    """The weights of one task as those of a search on it."""
    return SharedParams(encoder=params.encoder, heads={"task": params.head})


def random_batch(
    steps: int, batch: int, seq: int, seed: int = 0, num_languages: int = 2
) -> Batch:
    """Random tokens with random lengths; the leading axis is left out for 0 steps."""
    rng = np.random.default_rng(seed)
    lead = (steps, batch) if steps else (batch,)
    # Cast on the host, where nothing is compiled for it.
    return Batch(
        tokens=jnp.asarray(rng.integers(1, 60, (*lead, seq)).astype(np.int32)),
        segments=jnp.asarray(rng.integers(0, 2, (*lead, seq)).astype(np.int32)),
        length=jnp.asarray(rng.integers(1, seq + 1, lead).astype(np.int32)),
        label=jnp.asarray(rng.integers(0, NUM_LABELS, lead).astype(np.int32)),
        language=jnp.asarray(rng.integers(0, num_languages, lead).astype(np.int32)),
        weight=jnp.asarray((rng.integers(0, 4, lead) > 0).astype(np.float32)),
    )


def labelled(label: Any, length: Any = None, seq: int = 1, weight: Any = None) -> Batch:
    """A batch of which only labels, lengths and weights matter; full rows if none."""
    num = len(jax.tree.leaves(label)[0])
    zeros = jnp.asarray(np.zeros((num, seq), np.int32))
    rows = np.full(num, seq, np.int32)
    return Batch(
        tokens=zeros,
        segments=zeros,
        length=jnp.asarray(rows) if length is None else length,
        label=label,
        language=jnp.asarray(np.zeros(num, np.int32)),
        weight=jnp.asarray(np.ones(num, np.float32)) if weight is None else weight,
    )
