"""Influence of layers: one less the cosine of what enters and leaves them."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from tests.models import SHAPE, random_batch, tiny_params, tiny_space
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.training.influence import influence

SPACE = tiny_space()
measure = jax.jit(influence, static_argnums=(1, 2))


def test_it_is_what_hidden_states_of_fewer_layers_tell() -> None:
    params, batch = tiny_params(), random_batch(0, 5, 12)
    supernet = make_supernet(SPACE, SHAPE)
    x = jax.jit(supernet.embed)(params.encoder.embeddings, batch)
    hidden = [np.asarray(x, np.float64)]
    for depth in range(1, SHAPE.num_layers + 1):
        values = {
            "keep": [1] * depth + [0] * (SHAPE.num_layers - depth),
            "heads": [SHAPE.num_heads] * SHAPE.num_layers,
            "ffn": [SHAPE.ffn] * SHAPE.num_layers,
            "pooling": ["mean"],
        }
        arch = SPACE.unflatten(jnp.asarray(SPACE.from_values(values)))
        found = jax.jit(supernet.encode)(params, x, batch, arch)
        hidden.append(np.asarray(found, np.float64))
    counts = np.asarray(batch.mask) * np.asarray(batch.weight)[:, None]
    expected = []
    for before, after in itertools.pairwise(hidden):
        lengths = np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1)
        expected.append(((1.0 - (before * after).sum(-1) / lengths) * counts).sum())
    found = measure(params.encoder, SPACE, SHAPE, batch)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_padding_and_rows_without_weight_do_not_count() -> None:
    params, batch = tiny_params(), random_batch(0, 5, 12)
    is_read = np.asarray(batch.mask) & (np.asarray(batch.weight) > 0)[:, None]
    other = np.where(is_read, np.asarray(batch.tokens), np.int32(7))
    changed = dataclasses.replace(batch, tokens=jnp.asarray(other))
    found = [measure(params.encoder, SPACE, SHAPE, one) for one in (batch, changed)]
    np.testing.assert_allclose(*found, rtol=1e-5)
