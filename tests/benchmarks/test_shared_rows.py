"""Ways of having fewer rows differ in nothing but what shares them."""

import numpy as np
import pytest

from benchmarks.evidence.shared_rows import at_random, left_out, of_share
from tests.export.conftest import sentences
from tests.export.forms.networks import LENGTH, WORDS, network
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.fewer import with_fewer_rows
from xlnas_jax.export.forms.registry import sample_texts

TEXTS = {"own": ["Paris", "Lima"], "more": [one for one in sentences(6) if one]}


@pytest.fixture(scope="module")
def used():
    texts = [*sample_texts(["de", "am", "fr"])[:-1], *WORDS]
    return network(train_tokenizer(texts, 240, LENGTH), "classification", "bert")


def test_chance_deals_the_same_pieces_out_over_as_many_rows(used) -> None:
    alike = with_fewer_rows(used, TEXTS, 0.5, 4)
    other = at_random(used, alike)
    ours, theirs = alike.shape.words, other.shape.words
    assert ours is not None and theirs is not None
    assert theirs.table == ours.table
    one, two = (np.sort(np.bincount(words.rows[0])) for words in (ours, theirs))
    np.testing.assert_array_equal(one, two)
    own = [np.bincount(w.rows[0])[w.rows[0]] == 1 for w in (ours, theirs)]
    np.testing.assert_array_equal(*own)
    assert (ours.rows[0] != theirs.rows[0]).any()
    # Where no row is shared nothing has changed.
    tables = [np.asarray(one.weights.embeddings.word) for one in (used, alike, other)]
    for table, words in zip(tables[1:], (ours, theirs), strict=True):
        np.testing.assert_array_equal(tables[0][own[0]], table[words.rows[0]][own[0]])


def test_of_the_pieces_that_are_left_out_there_are_as_many(used) -> None:
    rows = used.shape.word_rows - 3
    assert left_out(used, TEXTS, rows).shape.word_rows <= rows


def test_what_cannot_be_left_out_is_not_scored(used) -> None:
    scored = []

    def score(subnet):
        scored.append(subnet)
        return {"target_mean": 0.5 + 0.1 * len(scored)}

    found = of_share(used, TEXTS, 0.3, 2, score)
    assert found["left_out"] is None
    assert len(scored) == 2
