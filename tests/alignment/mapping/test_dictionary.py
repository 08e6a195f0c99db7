"""Dictionaries read off two languages in one space."""

import numpy as np
import pytest

from tests.alignment.mapping.languages import planted
from xlnas_jax.alignment.mapping.dictionary import (
    Pairs,
    mutual_pairs,
    precision_at,
    to_words,
    translations,
)


@pytest.fixture(scope="module")
def one_space():
    x, _, _ = planted(200, 16)
    order = np.random.default_rng(1).permutation(200)
    return x, x[order], np.argsort(order)


def test_in_one_space_every_word_finds_its_translation(one_space) -> None:
    x, y, gold = one_space
    assert (translations(x, y)[:, 0] == gold).all()
    pairs = mutual_pairs(x, y)
    assert sorted(pairs.source.tolist()) == list(range(200))
    assert (pairs.target == gold[pairs.source]).all()


def test_the_surest_pairs_come_first(one_space) -> None:
    x, y, _ = one_space
    noisy = y + 0.5 * np.random.default_rng(2).normal(size=y.shape)
    found = mutual_pairs(x, noisy).scores
    assert (np.diff(found) <= 0).all()


def test_precision_counts_any_right_translation_among_the_best() -> None:
    found = np.array([[3, 1], [2, 0], [5, 4]])
    gold = {0: [1, 9], 1: [2], 2: [7]}
    assert precision_at(1, found, gold) == pytest.approx(1 / 3)
    assert precision_at(2, found, gold) == pytest.approx(2 / 3)
    assert np.isnan(precision_at(1, found, {}))


def test_of_a_word_that_stands_twice_the_surest_translation_is_kept() -> None:
    pairs = Pairs(np.array([1, 0, 1]), np.array([0, 1, 2]), np.array([0.9, 0.8, 0.1]))
    words = to_words(pairs, ["dog", "cat"], ["gato", "perro", "can"])
    assert words == {"cat": "gato", "dog": "perro"}
