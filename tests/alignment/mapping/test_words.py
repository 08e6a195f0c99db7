"""Words that stand for each other, by their vectors."""

import numpy as np
import pytest
import scipy.optimize

from xlnas_jax.alignment.mapping.words import align_words, mutual
from xlnas_jax.alignment.measures.base import cosines

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("matching", ["mutual", "itermax"])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_planted_order_is_found(matching, noise) -> None:
    x = RNG.normal(size=(9, 24))
    order = RNG.permutation(9)
    y = 3.0 * x[order] + noise * RNG.normal(size=x.shape)
    best = scipy.optimize.linear_sum_assignment(-cosines(x, y))
    wanted = {(int(a), int(b)) for a, b in zip(*best, strict=True)}
    assert wanted == {(int(a), b) for b, a in enumerate(order)}
    assert align_words(x, y, matching) == wanted


def test_pairs_are_each_others_likest() -> None:
    x, y = RNG.normal(size=(7, 4)), RNG.normal(size=(5, 4))
    scores = cosines(x, y)
    wanted = {
        (a, b)
        for a in range(7)
        for b in range(5)
        if scores[a, b] == scores[a].max() == scores[:, b].max()
    }
    assert align_words(x, y, "mutual") == wanted
    assert len(wanted) < 5


def test_a_second_turn_gives_words_without_a_partner_another_chance() -> None:
    """Two words of one side for one of the other: the nearer has it, then the next."""
    x = np.asarray([[1.0, 0.0, 0.0], [0.9, 0.3, 0.0], [0.0, 0.0, 1.0]])
    y = np.asarray([[1.0, 0.1, 0.0], [0.0, 0.0, 1.0]])
    assert align_words(x, y, "mutual") == {(0, 0), (2, 1)}
    assert align_words(x, y, "itermax") == {(0, 0), (1, 0), (2, 1)}


def test_later_turns_only_add_and_never_among_words_that_have_partners() -> None:
    for _ in range(30):
        x, y = RNG.normal(size=(8, 5)), RNG.normal(size=(6, 5))
        first, both = align_words(x, y, "mutual"), align_words(x, y, "itermax")
        ours, theirs = {a for a, _ in first}, {b for _, b in first}
        assert first <= both
        assert all(a not in ours or b not in theirs for a, b in both - first)


def test_of_nothing_nothing_is_aligned() -> None:
    assert align_words(np.zeros((0, 3)), np.ones((2, 3))) == set()
    assert not mutual(np.ones((2, 2)), np.zeros((2, 2), bool)).any()
