"""A narrowed encoder comes nearer to the full one, layer by layer, without labels."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, random_batch
from xlnas_jax.config.model import NarrowConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.init import init_encoder, make_normal, with_new_stages
from xlnas_jax.supernet.narrow import choose, narrow, narrowed_shape
from xlnas_jax.training.narrowed import Narrowed, distance, relearn, vectors

SMALL = narrowed_shape(SHAPE, 18)
ROWS = random_batch(0, 32, 12)
SPACE = make_space(SpaceConfig(adapter=(4,)), SMALL)


def draw(number: int) -> tuple[Any, Any, Any]:
    rows = np.random.default_rng(number).integers(0, 32, 16).astype(np.int32)
    return ROWS, rows, np.ones(16, np.float32)


@pytest.fixture(scope="module")
def learnt():
    """What it learns from, and the encoder before and after."""
    whole = init_encoder(jax.random.key(0), SHAPE)
    whole = jax.tree.map(
        lambda leaf: leaf + 0.1 * jax.random.normal(jax.random.key(1), leaf.shape),
        whole,
    )
    kept = choose(whole, SMALL)
    cut = narrow(whole, kept)
    begun = with_new_stages(cut, make_normal(jax.random.key(2)), SMALL, SPACE)
    narrowed = Narrowed(whole, SHAPE, SMALL, kept.dims)
    given = narrowed, TrainConfig(), NarrowConfig(18, 120, 3e-3), draw
    return narrowed, begun, relearn(begun, *given)


def apart(narrowed: Narrowed, encoder: Any, rows: Any) -> float:
    @jax.jit
    def measure(encoder):
        theirs = vectors(narrowed.whole, SHAPE, rows)[..., narrowed.dims]
        return distance(vectors(encoder, SMALL, rows), theirs, rows)

    return float(measure(encoder))


def test_it_comes_nearer_on_rows_that_it_learns_from_and_on_others(learnt) -> None:
    narrowed, begun, after = learnt
    for rows, share in ((ROWS, 0.5), (random_batch(0, 32, 12, seed=9), 0.8)):
        before = apart(narrowed, begun, rows)
        assert apart(narrowed, after, rows) < share * before


def test_weights_of_new_stages_stay_as_they_are(learnt) -> None:
    _, begun, after = learnt
    jax.tree.map(np.testing.assert_array_equal, after.layers.more, begun.layers.more)
    assert begun.layers.more
    moved = jax.tree.map(
        lambda a, b: bool((a != b).any()),
        dataclasses.replace(after.layers, more={}),
        dataclasses.replace(begun.layers, more={}),
    )
    assert all(jax.tree.leaves(moved))


@pytest.mark.slow
def test_the_same_texts_give_the_same_bits_whatever_their_labels(learnt) -> None:
    narrowed, begun, _ = learnt
    other = dataclasses.replace(ROWS, label=jnp.zeros_like(ROWS.label))
    how = TrainConfig(), NarrowConfig(18, 2, 3e-3)
    found = [
        relearn(begun, narrowed, *how, lambda n, r=rows: (r, *draw(n)[1:]))
        for rows in (ROWS, other)
    ]
    jax.tree.map(np.testing.assert_array_equal, *found)


def test_the_distance_is_a_share_of_what_is_there_at_every_depth() -> None:
    rng = np.random.default_rng(0)
    batch = random_batch(0, 4, 7)
    theirs = rng.normal(size=(3, 4, 7, 5)).astype(np.float32)
    theirs *= np.asarray([1.0, 10.0, 0.1], np.float32)[:, None, None, None]
    ours = theirs + rng.normal(size=theirs.shape).astype(np.float32)
    counts = np.asarray(batch.mask) & (np.asarray(batch.weight) > 0)[:, None]
    expected = np.mean(
        [
            np.square(a - b)[counts].sum() / np.square(b)[counts].sum()
            for a, b in zip(ours, theirs, strict=True)
        ]
    )
    found = distance(jnp.asarray(ours), jnp.asarray(theirs), batch)
    assert float(found) == pytest.approx(expected, rel=1e-5)
    ours = np.where(counts[None, ..., None], theirs, ours)
    assert float(distance(jnp.asarray(ours), jnp.asarray(theirs), batch)) == 0.0
