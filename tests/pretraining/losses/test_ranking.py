"""Vectors of both sides of pairs are told apart, and distilled by their direction."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import random_batch
from tests.pretraining.planted import make_config
from xlnas_jax.alignment.infonce import ranking_loss
from xlnas_jax.pretraining.losses.base import PretrainParams
from xlnas_jax.pretraining.losses.ranking import make_ranking

CONFIG = make_config("x", temperature=0.1, margin=0.2).pretrain


@pytest.fixture(scope="module")
def told():
    """A batch of pairs, and hidden states of both sides."""
    batch, other = random_batch(0, 6, 8, seed=1), random_batch(0, 6, 8, seed=2)
    weight = jnp.asarray([1.0, 1, 1, 1, 1, 0])
    batch = dataclasses.replace(batch, other=other, weight=weight)
    keys = jax.random.split(jax.random.key(0))
    hiddens = tuple(jax.random.normal(key, (6, 8, 12)) for key in keys)
    return batch, hiddens


def test_a_side_is_the_mean_of_its_tokens_and_padding_has_no_part(told):
    batch, hiddens = told
    loss = make_ranking(CONFIG)
    view = loss.view(jax.random.key(0), batch)
    found = loss.say(PretrainParams(None, None), hiddens, view)
    for side, text, hidden in zip(found, (batch, batch.other), hiddens, strict=True):
        for row in range(6):
            length = int(text.length[row])
            np.testing.assert_allclose(
                side[row], np.asarray(hidden)[row, :length].mean(0), atol=1e-5
            )
    expected = ranking_loss(*found, 0.1, 0.2, batch.weight, batch.label)
    assert float(loss.lost(found, view)) == float(expected)


def test_others_are_told_the_directions_of_the_largest_and_of_rows_that_count(told):
    batch, _ = told
    loss = make_ranking(CONFIG)
    view = loss.view(jax.random.key(0), batch)
    rng = np.random.default_rng(0)
    ours, theirs = (
        tuple(jnp.asarray(rng.normal(size=(6, 4)), jnp.float32) for _ in range(2))
        for _ in range(2)
    )
    unit = [np.asarray(x) / np.linalg.norm(x, axis=-1, keepdims=True) for x in ours]
    other = [np.asarray(x) / np.linalg.norm(x, axis=-1, keepdims=True) for x in theirs]
    cosines = [(a * b).sum(-1)[:5] for a, b in zip(unit, other, strict=True)]
    assert float(loss.apart(ours, theirs, view)) == pytest.approx(
        1.0 - np.mean(cosines), abs=1e-5
    )
    longer = tuple(3.0 * x for x in theirs)
    assert float(loss.apart(longer, theirs, view)) == pytest.approx(0.0, abs=1e-6)
