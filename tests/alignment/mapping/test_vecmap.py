"""Mappings find a planted rotation again, with a dictionary and without."""

import numpy as np
import pytest

from tests.alignment.mapping.languages import planted
from xlnas_jax.alignment.mapping.dictionary import precision_at, translations
from xlnas_jax.alignment.mapping.muse import map_adversarial
from xlnas_jax.alignment.mapping.vecmap import (
    Learning,
    Mapped,
    comparable,
    map_semi_supervised,
    map_supervised,
    map_unsupervised,
    normalised,
)
from xlnas_jax.types import DataError

# Fewer turns than the authors', enough for a few hundred words.
SHORT = Learning(initial=600, patience=10)


def precision(mapped: Mapped, order: np.ndarray) -> float:
    gold = {n: [int(row)] for n, row in enumerate(order)}
    return precision_at(1, translations(mapped.source, mapped.target), gold)


def test_a_dictionary_of_some_words_translates_all_others() -> None:
    x, y, order = planted()
    some = np.arange(100)
    mapped = map_supervised(x, y, some, order[some])
    assert precision(mapped, order) == 1.0


def test_a_dictionary_that_spans_no_space_gives_a_rotation() -> None:
    x, y, order = planted()
    some = np.arange(8)
    mapped = map_supervised(x, y, some, order[some])
    lengths = np.linalg.norm(mapped.source, axis=1)
    assert np.allclose(lengths, 1.0)


def test_a_small_dictionary_grows_to_all_words() -> None:
    x, y, order = planted(300, 16)
    some = np.arange(6)
    alone = precision(map_supervised(x, y, some, order[some]), order)
    grown = precision(map_semi_supervised(x, y, some, order[some], 0, SHORT), order)
    assert alone < 0.5 < 0.85 < grown


def test_without_a_dictionary_a_rotation_is_found() -> None:
    x, y, order = planted(300, 16)
    mapped = map_unsupervised(x, y, 0, SHORT)
    assert precision(mapped, order) > 0.95
    assert 0.9 < mapped.objective <= 1.0


@pytest.mark.slow
def test_without_a_dictionary_most_seeds_succeed() -> None:
    found = []
    for seed in range(10):
        x, y, order = planted(400, 16, seed=seed)
        mapped = map_unsupervised(x, y, seed, SHORT)
        found.append(precision(mapped, order) > 0.95)
    assert sum(found) >= 8


def test_vectors_are_centred_between_two_normalisations() -> None:
    x = normalised(np.random.default_rng(0).normal(size=(50, 6)) + 3.0)
    assert np.allclose(np.linalg.norm(x, axis=1), 1.0)
    assert np.abs(x.mean(0)).max() < 0.1


def test_a_dictionary_of_one_pair_is_refused() -> None:
    x, y, order = planted(50, 6)
    with pytest.raises(DataError, match="at least 2 pairs of words; got 1"):
        map_supervised(x, y, np.arange(1), order[:1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x[:1], "at least 2 words; got 1 and"),
        (lambda x: np.where(x > 1.0, np.nan, x), "every number must be finite"),
    ],
)
@pytest.mark.parametrize("mapping", [map_unsupervised, map_adversarial])
def test_embeddings_that_cannot_be_compared_are_refused(
    mapping, change, reason
) -> None:
    x, y, _ = planted(50, 6)
    with pytest.raises(DataError, match=reason):
        mapping(change(x), y)


def test_vectors_of_two_sizes_are_refused() -> None:
    x, y, _ = planted(50, 6)
    with pytest.raises(DataError, match="vectors of one size; got shapes"):
        comparable(x[:, :3], y)
