"""Rows of new pieces, where a model of masked pieces has a closed form."""

import numpy as np
import pytest
import scipy.sparse

from tests.pretraining.planted import NUM_WORDS, meanings, words
from xlnas_jax.alignment.mapping.neighbours import counted
from xlnas_jax.data.tokens.extending import extend
from xlnas_jax.data.tokens.trimming.cutting import cut
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.pretraining.extending.methods import Given, mixed, rows_of

KNOWN = words("en")
# A language that has every other word in common with the known one.
NEW = [words("fr")[n] if n % 2 else KNOWN[n] for n in range(NUM_WORDS)]


def texts_of(own: list[str], num: int, seed: int) -> list[str]:
    return [" ".join(own[n] for n in row) for row in meanings(num, seed)]


@pytest.fixture(scope="module")
def given() -> Given:
    old = train_tokenizer(texts_of(KNOWN, 300, 0), 70, 16)
    texts = texts_of(NEW, 300, 1)
    sides = texts_of(NEW, 100, 2), texts_of(KNOWN, 100, 2)
    return Given(old, extend(old, texts, 60), texts, [*zip(*sides, strict=True)])


@pytest.fixture(scope="module")
def model(given):
    """Rows of old pieces, and how two of them agree that stand side by side.

    `table @ kernel @ table.T` is the logarithm of how often they do, in the known
    language: what a log-bilinear model of that width learns at best.
    """
    texts = cut(given.old.backend, texts_of(KNOWN, 300, 0))
    often = np.log(counted(texts, given.new.first, window=1).toarray() + 0.1)
    values, vectors = np.linalg.eigh(often)
    return vectors, values


def loss_of(table, values, texts) -> float:
    """Of telling each piece by its neighbours, among old ones and new ones."""
    scores = (table * values) @ table.T
    losses = []
    for ids in texts:
        for place in range(1, len(ids) - 1):
            logits = scores[:, [ids[place - 1], ids[place + 1]]].sum(1)
            top = logits.max()
            losses.append(top + np.log(np.exp(logits - top).sum()) - logits[ids[place]])
    return float(np.mean(losses))


def test_new_rows_begin_better_than_at_random(given, model) -> None:
    """METHODS 10: the loss on masked pieces of the language, before any training."""
    table, values = model
    texts = cut(given.new.tokenizer.backend, texts_of(NEW, 60, 3))
    lost = {}
    for method in ("overlap", "aligned", "mean", "random"):
        rows = mixed(rows_of(method, given).shares, table, 0)
        lost[method] = loss_of(np.concatenate([table, rows]), values, texts)
    known = cut(given.old.backend, texts_of(KNOWN, 60, 3))
    least = loss_of(table, values, known)
    assert lost["overlap"] < lost["random"] - 0.3
    assert lost["aligned"] < lost["random"] - 0.3
    assert lost["aligned"] < lost["overlap"]
    # Two words for a meaning are one bit more to tell, no more than that.
    assert lost["aligned"] < least + np.log(2) + 0.3


def test_it_is_the_neighbours_that_say_it(given, model) -> None:
    """Rows of other new pieces in their places are worse."""
    table, values = model
    texts = cut(given.new.tokenizer.backend, texts_of(NEW, 60, 3))
    rows = mixed(rows_of("aligned", given).shares, table, 0)
    own = loss_of(np.concatenate([table, rows]), values, texts)
    other = loss_of(np.concatenate([table, np.roll(rows, 1, 0)]), values, texts)
    assert own < other - 0.3


@pytest.mark.parametrize("method", ["overlap", "aligned", "mean"])
def test_shares_are_of_pieces_with_a_meaning_and_sum_to_one(method, given) -> None:
    found = rows_of(method, given)
    shares = found.shares.toarray()
    assert shares.min() >= 0
    is_drawn = shares.sum(1) == 0
    np.testing.assert_allclose(shares.sum(1)[~is_drawn], 1.0)
    assert not shares[:, :4].any()  # <s>, <pad>, </s>, <unk>
    assert sum(found.by.values()) == len(given.new.pieces)
    assert is_drawn.sum() == found.by["random"]


def test_what_a_method_does_not_know_is_the_mean_of_its_parts(given) -> None:
    """Pairs of texts in which one new word never stands."""
    word = NEW[1]
    pairs = [pair for pair in given.pairs if word not in pair[0].split()]
    every = rows_of("aligned", given)
    found = rows_of("aligned", given._replace(pairs=pairs))
    assert found.by["aligned"] == every.by["aligned"] - 1
    place = given.new.pieces.index("▁" + word)
    wanted = rows_of("mean", given).shares[place].toarray()
    np.testing.assert_allclose(found.shares[place].toarray(), wanted)


def test_rows_at_random_are_spread_as_old_ones() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal([3.0, -1.0], [0.5, 2.0], (5000, 2)).astype(np.float32)
    shares = scipy.sparse.csr_matrix((20_000, 5000))
    found = mixed(shares, table, 1)
    np.testing.assert_allclose(found.mean(0), table.mean(0), atol=0.05)
    np.testing.assert_allclose(found.std(0), table.std(0), atol=0.05)
    np.testing.assert_array_equal(found, mixed(shares, table, 1))
