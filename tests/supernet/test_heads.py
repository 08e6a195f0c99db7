"""Heads of sentences and tokens, and output layers of single languages."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE, random_batch, tiny_params, tiny_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import make_supernet

SPACE = tiny_space()


def with_head(reads_tokens: bool, noise: float) -> SupernetParams:
    """Two languages with output layers of their own; zero noise: as at the start."""
    key = jax.random.key(1)
    head = init_head(key, SHAPE, NUM_LABELS, True, reads_tokens, 2)
    language = jax.tree.map(
        lambda leaf: leaf + noise * jax.random.normal(key, leaf.shape), head.language
    )
    head = dataclasses.replace(head, language=language)
    return SupernetParams(tiny_params().encoder, head)


@jax.jit
def logits(params, batch):
    supernet = make_supernet(SPACE, SHAPE)
    x = supernet.embed(params.encoder.embeddings, batch)
    return supernet.apply(params, x, batch, SPACE.largest())


def routed(route: list[int]):
    return random_batch(0, 4, 9).replace(head=jnp.asarray(route, jnp.int32))


@pytest.mark.parametrize("reads_tokens", [False, True])
def test_shapes_follow_what_the_head_reads(reads_tokens):
    found = logits(with_head(reads_tokens, 0.5), routed([-1, 0, 1, 1]))
    lead = (4, 9) if reads_tokens else (4,)
    assert found.shape == (*lead, NUM_LABELS)


@pytest.mark.parametrize("reads_tokens", [False, True])
def test_a_language_without_its_own_layer_falls_back_on_the_shared_one(reads_tokens):
    params = with_head(reads_tokens, 0.5)
    shared = logits(params, routed([-1, -1, -1, -1]))
    mixed = logits(params, routed([-1, 0, 1, -1]))
    same = np.isclose(shared, mixed, atol=1e-6).reshape(4, -1).all(-1)
    assert same.tolist() == [True, False, False, True]


@pytest.mark.parametrize("reads_tokens", [False, True])
def test_languages_start_from_the_shared_layer(reads_tokens):
    params = with_head(reads_tokens, 0.0)
    shared, own = (logits(params, routed([route] * 4)) for route in (-1, 1))
    np.testing.assert_allclose(shared, own, atol=1e-6)


@pytest.mark.parametrize("reads_tokens", [False, True])
def test_a_language_teaches_its_own_layer_and_the_shared_one_alone(reads_tokens):
    params, batch = with_head(reads_tokens, 0.5), routed([1, 1, -1, 1])
    head = jax.grad(lambda p: logits(p, batch).sum())(params).head
    kernel = np.asarray(head.language.kernel)
    assert (kernel[0] == 0).all() and (kernel[1] != 0).any()
    assert (np.asarray(head.output.kernel) != 0).any()
