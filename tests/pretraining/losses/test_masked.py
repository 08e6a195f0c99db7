"""Pairs in one row: what is masked of them, and where their tokens stand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, random_batch
from tests.pretraining.planted import make_config, write_corpus
from xlnas_jax.data.tokens.masks import Masks
from xlnas_jax.pretraining.losses.base import Loss, View
from xlnas_jax.pretraining.losses.masked import make_masked, restarted
from xlnas_jax.pretraining.model import prepare
from xlnas_jax.pretraining.rows import make_rows
from xlnas_jax.pretraining.texts import read_corpus

MASKS = Masks(4, np.arange(60) < 5)


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    """Pairs in one row, and what they are made with."""
    folder = tmp_path_factory.mktemp("planted")
    write_corpus(folder, num_texts=20, num_pairs=12)
    config = make_config(folder, tlm_positions="restart", mask_rate=0.5)
    corpus = read_corpus(config)
    start = prepare(config, [text for own in corpus.texts.values() for text in own])
    rows = make_rows(corpus, "joined", start.tokenizer, 1)[0]
    return start, corpus, rows


@pytest.fixture(scope="module")
def shown(joined) -> View:
    start, _, rows = joined
    loss = make_masked("tlm", start.config.pretrain, start.shape, start.masks)
    return jax.jit(loss.view)(jax.random.key(0), rows)


def test_a_row_is_a_sentence_and_its_translation_with_special_tokens_between(joined):
    start, corpus, rows = joined
    backend = start.tokenizer.backend
    for number, pair in enumerate(corpus.pairs["fr"]):
        ids = np.asarray(rows.tokens[number, : int(rows.length[number])]).tolist()
        one, other = (
            backend.encode(side, add_special_tokens=False).ids for side in pair
        )
        assert ids == [0, *one, 2, 2, *other, 2]


def test_tokens_of_both_sentences_are_masked(shown, joined):
    told = np.asarray(shown.told.weight) > 0
    position = np.asarray(shown.told.position)
    middle = np.asarray([row.tolist().index(2) for row in np.asarray(joined[2].tokens)])
    is_first = position < middle[:, None]
    assert (told & is_first).any(1).mean() > 0.9
    assert (told & ~is_first).any(1).mean() > 0.9


def test_places_begin_anew_with_the_translation(shown, joined):
    _, _, rows = joined
    places = np.asarray(shown.places[0])
    for row, place in zip(np.asarray(rows.tokens), places, strict=True):
        start = row.tolist().index(2) + 1
        np.testing.assert_array_equal(place[:start], np.arange(start))
        np.testing.assert_array_equal(place[start:], np.arange(len(row) - start))


def test_a_row_without_an_end_keeps_its_places():
    tokens = jnp.full((1, 6), 9, jnp.int32)
    places = restarted(tokens, jnp.ones((1, 6), bool), MASKS.is_special)
    np.testing.assert_array_equal(places[0], np.arange(6))


def make(name, **changes) -> Loss:
    return make_masked(name, make_config("x", **changes).pretrain, SHAPE, MASKS)


@pytest.mark.parametrize(("name", "how"), [("mlm", "restart"), ("tlm", "continue")])
def test_places_go_on_in_plain_texts_and_where_it_is_said_so(name, how):
    given = jax.random.key(0), random_batch(0, 2, 8)
    view = make(name, tlm_positions=how).view
    assert jax.eval_shape(lambda *two: view(*two).places, *given) == (None,)


@pytest.fixture(scope="module")
def said():
    """Logits of masked tokens, and a teacher's; some row counts nothing."""
    loss = make("mlm", kd_temperature=2.0)
    batch = random_batch(0, 6, 16, seed=3)
    assert 0 < float(batch.weight.sum()) < 6
    view = jax.jit(loss.view)(jax.random.key(0), batch)
    keys = jax.random.split(jax.random.key(1))
    shape = (*view.told.position.shape, 60)
    ours, theirs = (jax.random.normal(key, shape) for key in keys)
    return loss, batch, view, ours, theirs


def test_the_loss_is_that_of_torch_over_the_tokens_that_are_told(said):
    import torch

    loss, batch, view, ours, _ = said
    counts = np.asarray(batch.weight)[:, None] > 0
    is_told = (np.asarray(view.told.weight) > 0) & counts
    labels = np.where(is_told, np.asarray(view.told.wanted), -100)
    expected = torch.nn.functional.cross_entropy(
        torch.tensor(np.asarray(ours)).flatten(0, 1),
        torch.tensor(labels).long().flatten(),
    )
    assert float(loss.lost(ours, view)) == pytest.approx(float(expected), rel=1e-5)


def test_what_others_are_told_is_the_divergence_of_softened_predictions(said):
    import torch

    loss, batch, view, ours, theirs = said
    counts = np.asarray(batch.weight)[:, None] > 0
    is_told = (np.asarray(view.told.weight) > 0) & counts
    one, other = (torch.tensor(np.asarray(x))[is_told] / 2.0 for x in (ours, theirs))
    expected = 4.0 * torch.nn.functional.kl_div(
        one.log_softmax(-1), other.log_softmax(-1), log_target=True, reduction="sum"
    )
    found = float(loss.apart(ours, theirs, view)) * is_told.sum()
    assert found == pytest.approx(float(expected), rel=1e-5)
    assert float(loss.apart(theirs, theirs, view)) == pytest.approx(0.0, abs=1e-6)
