"""Shares of what is known in what is new."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
import scipy.special

from xlnas_jax.alignment.mapping.mixtures import mixtures, nearest_softmax, sparsemax

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_sparsemax_is_the_nearest_distribution(scale: float) -> None:
    scores = scale * RNG.normal(size=(4, 6))
    found = sparsemax(scores)
    for row, own in zip(scores, found, strict=True):
        best = scipy.optimize.minimize(
            lambda p, row=row: ((p - row) ** 2).sum(),
            np.full(6, 1 / 6),
            bounds=[(0, 1)] * 6,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
            options={"ftol": 1e-12},
        )
        np.testing.assert_allclose(own, best.x, atol=1e-4)
    np.testing.assert_allclose(found.sum(1), 1.0)


def test_sparsemax_keeps_ties_and_leaves_far_ones_out() -> None:
    found = sparsemax(np.asarray([[1.0, 1.0, -1.0], [2.0, 0.5, 0.0]]))
    assert found.tolist() == [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]


def test_of_the_nearest_ten_the_shares_are_a_softmax() -> None:
    scores = RNG.normal(size=(3, 30))
    found = nearest_softmax(scores)
    for row, own in zip(scores, found, strict=True):
        best = np.sort(row)[-10:]
        assert (own > 0).sum() == 10
        wanted = scipy.special.softmax(best / 0.1)
        np.testing.assert_allclose(np.sort(own)[-10:], wanted)
        assert own.argmax() == row.argmax()


@pytest.mark.parametrize("as_given", [np.asarray, scipy.sparse.csr_matrix])
def test_lengths_count_nothing_and_what_has_no_vector_no_share(as_given) -> None:
    known = np.eye(4, 5)
    known[3] = 0.0
    new = np.asarray([[0, 7.0, 0, 0, 0], [0] * 5, [3.0, 3.0, 0, 0, 0]])
    found = mixtures(as_given(new), as_given(known), sparsemax).toarray()
    wanted = [[0, 1, 0, 0], [0, 0, 0, 0], [0.5, 0.5, 0, 0]]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_blocks_of_rows_are_as_all_at_once() -> None:
    new, known = RNG.normal(size=(600, 8)), RNG.normal(size=(40, 8))
    found = mixtures(new, known, sparsemax).toarray()
    one = mixtures(new[577:578], known, sparsemax).toarray()
    assert found.shape == (600, 40)
    np.testing.assert_allclose(found[577], one[0], atol=1e-12)
