"""Similarities of a population equal those of each candidate, encoded by itself."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.alignment.test_infonce import plain
from tests.models import SHAPE, few_choices, random_batch, tiny_params
from xlnas_jax.alignment.cka import debiased_cka
from xlnas_jax.alignment.infonce import shared_information
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.data.pairs import PairBatches
from xlnas_jax.devices.sharding import make_mesh, replicate
from xlnas_jax.evaluation.aligned import make_align
from xlnas_jax.supernet.supernet import make_supernet

SPACE = few_choices(("cls", "mean", "max", "attentive"))
# Two buckets: 12 and 6 rows, of which some have weight 0.
BATCHES = (random_batch(3, 4, 8), random_batch(1, 6, 16, seed=1))
NUM = 5
INFONCE = functools.partial(shared_information, temperature=1.0)
FORMS = [("sliced", 1), ("masked", 2)]


def made_up() -> PairBatches:
    """Translations between some of the rows, for two languages."""
    rng = np.random.default_rng(0)
    real = [
        (number, row)
        for number, bucket in enumerate(BATCHES)
        for row in np.flatnonzero(np.asarray(bucket.weight).ravel())
    ]
    places = np.asarray(real, np.int32)

    def drawn(num: int) -> np.ndarray:
        return places[rng.permutation(len(places))[:num]]

    return PairBatches(BATCHES, (drawn(5), drawn(7)), (drawn(5), drawn(7)))


PAIRS = made_up()


def population(num: int) -> np.ndarray:
    return np.asarray(SPACE.flatten(SPACE.sample(jax.random.key(0), num)))


def align(form="sliced", chunk=1, similarity=INFONCE, pairs=PAIRS, mesh=None):
    supernet = make_supernet(SPACE, SHAPE, form)
    return make_align(
        supernet, SPACE, similarity, pairs, SHAPE.width, form, chunk, mesh
    )


@functools.cache  # so that tests of one form share its program
def plain_align(form="sliced", chunk=1, similarity=INFONCE):
    return align(form, chunk, similarity)


@jax.jit
def last_layer(params, row, batch):
    supernet = make_supernet(SPACE, SHAPE)
    x = supernet.embed(params.encoder.embeddings, batch)
    return supernet.encode(params, x, batch, SPACE.unflatten(row))


def sentence_vectors(params, row: np.ndarray, pairs: PairBatches) -> list[np.ndarray]:
    """Of one candidate, by plain loops over steps and tokens; one array a bucket."""
    found = []
    for bucket in pairs.batches:
        rows = []
        for step in range(len(bucket.length)):
            batch = jax.tree.map(lambda leaf, step=step: leaf[step], bucket)
            hidden = np.asarray(last_layer(params, row, batch))
            lengths = np.asarray(batch.length)
            rows += [h[:n].mean(0) for h, n in zip(hidden, lengths, strict=True)]
        found.append(np.stack(rows))
    return found


@pytest.mark.parametrize(("form", "chunk"), FORMS)
def test_similarities_equal_those_of_one_candidate_at_a_time(form, chunk):
    params, rows = tiny_params(), population(NUM)
    found = np.asarray(plain_align(form, chunk)(params, rows, NUM))
    assert found.shape == (NUM, 2)
    for row, values in zip(rows, found, strict=True):
        vectors = sentence_vectors(params, row, PAIRS)
        for ours, theirs, value in zip(
            PAIRS.sources, PAIRS.targets, values, strict=True
        ):
            x, y = (np.stack([vectors[b][i] for b, i in p]) for p in (ours, theirs))
            expected = max(0.0, 1 - plain(x, y, 1.0) / np.log(len(x)))
            assert value == pytest.approx(expected, abs=1e-4)


def test_neither_pooling_nor_head_matters():
    params, rows = tiny_params(), population(1)
    rows = np.repeat(rows, 4, axis=0)
    rows[:, SPACE.columns("pooling").start] = np.arange(4)
    other = dataclasses.replace(params.head, hidden=None, attentive=None)
    found = [
        np.asarray(align()(p, rows, 4))
        for p in (params, dataclasses.replace(params, head=other))
    ]
    np.testing.assert_array_equal(found[0], np.broadcast_to(found[0][:1], (4, 2)))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("similarity", [INFONCE, debiased_cka])
def test_rows_beyond_the_number_meant_are_0(similarity):
    run = plain_align("sliced", 1, similarity)
    found = np.asarray(run(tiny_params(), population(NUM), 2))
    np.testing.assert_array_equal(found[2:], 0.0)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("devices", "form"),
    [
        (DevicesConfig(pop=2), "sliced"),
        (DevicesConfig(pop=1, data=2), "masked"),
        pytest.param(DevicesConfig(pop=2), "masked", marks=pytest.mark.slow),
        pytest.param(DevicesConfig(1, 2), "sliced", marks=pytest.mark.slow),
    ],
)
def test_two_devices_find_the_same(devices, form):
    params, rows, mesh = tiny_params(), population(NUM), make_mesh(devices)
    sharded = align(form, 2, mesh=mesh)(replicate(mesh, params), rows, NUM)
    expected = align(form, 2)(params, rows, NUM)
    np.testing.assert_allclose(sharded, expected, atol=1e-5)


def planted():
    """Weights that keep two languages together in 8 neurons, and part them in 32.

    Words of the second language are those of the first, 30 further on, with a mark in
    their last coordinate. Attention adds nothing, nor do the first 8 neurons of a
    layer; the others shuffle the first language alone, which has no mark.
    """
    rng = np.random.default_rng(0)
    params = tiny_params()
    embeddings, layers = params.encoder.embeddings, params.encoder.layers
    words = rng.standard_normal((30, SHAPE.width))
    words[:, -1] = 0.0
    marked = words.copy()
    marked[:, -1] = 4.0
    up = 4 * rng.standard_normal((SHAPE.width, SHAPE.ffn))
    up[-1] = -50.0
    down = 4 * rng.standard_normal((SHAPE.ffn, SHAPE.width))
    down[:8] = 0.0
    down[:, -1] = 0.0

    def put(dense, kernel):
        kernel = jnp.broadcast_to(jnp.asarray(kernel, jnp.float32), dense.kernel.shape)
        return dataclasses.replace(
            dense, kernel=kernel, bias=jnp.zeros_like(dense.bias)
        )

    def plain_norm(norm):
        ones = jnp.ones_like(norm.scale)
        return dataclasses.replace(norm, scale=ones, bias=0 * ones)

    embeddings = dataclasses.replace(
        embeddings,
        word=jnp.asarray(np.concatenate([words, marked]), jnp.float32),
        position=0 * embeddings.position,
        segment=0 * embeddings.segment,
        norm=plain_norm(embeddings.norm),
    )
    layers = dataclasses.replace(
        layers,
        output=put(layers.output, 0.0),
        up=put(layers.up, up),
        down=put(layers.down, down),
        attention_norm=plain_norm(layers.attention_norm),
        ffn_norm=plain_norm(layers.ffn_norm),
    )
    encoder = dataclasses.replace(params.encoder, embeddings=embeddings, layers=layers)
    return dataclasses.replace(params, encoder=encoder)


def translated(num: int = 24) -> PairBatches:
    """Random sentences of the first language, and the same in the second."""
    batch = random_batch(1, num, 8, seed=2)
    first = batch.tokens % 30
    length = jnp.full_like(batch.length, 8)
    ones = jnp.ones_like(batch.weight)
    sides = tuple(
        dataclasses.replace(batch, tokens=tokens, length=length, weight=ones)
        for tokens in (first, first + 30)
    )
    rows = np.arange(num, dtype=np.int32)
    ours, theirs = (np.stack([np.full_like(rows, b), rows], -1) for b in (0, 1))
    return PairBatches(sides, (ours,), (theirs,))


@pytest.mark.parametrize(
    "similarity",
    [functools.partial(shared_information, temperature=0.05), debiased_cka],
)
def test_the_network_that_keeps_languages_together_is_told_from_the_other(similarity):
    rows = np.repeat(np.asarray(SPACE.flatten(SPACE.largest()))[None], 2, axis=0)
    rows[0, SPACE.columns("ffn")] = 0
    found = align(similarity=similarity, pairs=translated())(planted(), rows, 2)
    together, parted = np.asarray(found)[:, 0]
    assert together > 0.9
    assert parted < 0.6
