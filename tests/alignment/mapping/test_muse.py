"""A mapping against a discriminator finds a planted rotation by vectors alone."""

import numpy as np
import pytest

from tests.alignment.mapping.languages import planted
from xlnas_jax.alignment.mapping.dictionary import precision_at, translations
from xlnas_jax.alignment.mapping.muse import Adversary, map_adversarial
from xlnas_jax.alignment.mapping.vecmap import Mapped

WORDS, WIDTH = 400, 8
# A few hundred words in place of the authors' 75,000, and steps in proportion.
SMALL = Adversary(
    frequent=WORDS,
    compared=WORDS,
    hidden=128,
    steps=400,
    epochs=10,
    batch_size=128,
    learning_rate=0.3,
)


def precision(mapped: Mapped, order: np.ndarray) -> float:
    gold = {n: [int(row)] for n, row in enumerate(order)}
    return precision_at(1, translations(mapped.source, mapped.target), gold)


@pytest.mark.slow
def test_a_rotation_is_found_without_a_dictionary() -> None:
    x, y, order = planted(WORDS, WIDTH, seed=1)
    mapped = map_adversarial(x, y, 1, SMALL)
    assert precision(mapped, order) > 0.95
    # What it is judged by needs no dictionary, and agrees.
    assert mapped.objective > 0.99
    np.testing.assert_allclose(np.linalg.norm(mapped.source, axis=1), 1.0, atol=1e-6)


@pytest.mark.slow
def test_languages_that_have_nothing_in_common_are_told_by_the_objective() -> None:
    x, _, _ = planted(WORDS, WIDTH, seed=1)
    y, _, order = planted(WORDS, WIDTH, seed=2)
    little = SMALL._replace(steps=20, epochs=2)
    mapped = map_adversarial(x, y, 0, little)
    assert precision(mapped, order) < 0.1
    assert mapped.objective < 0.97


def test_the_same_seed_gives_the_same_mapping() -> None:
    x, y, _ = planted(100, 4)
    little = SMALL._replace(steps=10, epochs=1)
    found = [map_adversarial(x, y, seed, little).source for seed in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 1e-6


@pytest.mark.slow
def test_most_seeds_succeed() -> None:
    found = []
    for seed in range(10):
        x, y, order = planted(WORDS, WIDTH, seed=seed)
        found.append(precision(map_adversarial(x, y, seed, SMALL), order) > 0.95)
    assert sum(found) >= 8
