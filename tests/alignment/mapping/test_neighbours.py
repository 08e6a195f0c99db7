"""Vectors counted from what stands near."""

from collections import Counter

import numpy as np

from xlnas_jax.alignment.mapping import neighbours
from xlnas_jax.alignment.mapping.neighbours import counted, neighbour_vectors
from xlnas_jax.alignment.measures.base import cosines

RNG = np.random.default_rng(0)
TEXTS = [RNG.integers(0, 12, RNG.integers(0, 9)) for _ in range(60)]


def test_pairs_are_counted_within_a_text_and_a_window() -> None:
    wanted: Counter[tuple[int, int]] = Counter()
    for text in TEXTS:
        for i, one in enumerate(text):
            for j, other in enumerate(text):
                if 0 < abs(i - j) <= 3:
                    wanted[int(one), int(other)] += 1
    found = counted(TEXTS, 14, window=3).toarray()
    assert {(a, b): found[a, b] for a, b in wanted} == wanted
    assert found.sum() == sum(wanted.values())


def test_likeness_is_that_of_the_mutual_information() -> None:
    """With all directions the products of vectors are its root, squared."""
    counts = counted(TEXTS, 12).toarray()
    share = counts / counts.sum()
    chance = share.sum(1)[:, None] * share.sum(0)[None]
    with np.errstate(divide="ignore"):
        wanted = np.maximum(np.log(share / chance), 0.0)
    values, vectors = np.linalg.eigh(wanted)
    root = (vectors * np.abs(values)) @ vectors.T
    found = neighbour_vectors(TEXTS, 12)
    np.testing.assert_allclose(found @ found.T, root, atol=1e-9)


def test_many_pieces_are_decomposed_alike(monkeypatch) -> None:
    exact = neighbour_vectors(TEXTS, 12, width=4)
    monkeypatch.setattr(neighbours, "_SMALL", 0)
    found = neighbour_vectors(TEXTS, 12, width=4)
    np.testing.assert_allclose(cosines(found, found), cosines(exact, exact), atol=1e-8)
    again = neighbour_vectors(TEXTS, 12, width=4)
    np.testing.assert_array_equal(found, again)


def test_what_no_text_has_has_no_vector() -> None:
    found = neighbour_vectors([np.asarray([2, 3, 2, 3])], 6)
    assert (np.linalg.norm(found, axis=1) > 0).tolist() == [0, 0, 1, 1, 0, 0]
    assert not neighbour_vectors([], 3).any()


def test_what_stands_in_the_same_places_is_alike() -> None:
    """0 and 1 never meet, but their neighbours are the same."""
    texts = []
    for _ in range(400):
        one, other = RNG.integers(0, 2), RNG.integers(2, 4)
        texts.append(np.asarray([one, 4 + RNG.integers(0, 3)]))
        texts.append(np.asarray([other, 7 + RNG.integers(0, 3)]))
    found = cosines(*2 * [neighbour_vectors(texts, 10, window=1, width=6)])
    assert found[0, 1] > 0.9
    assert found[2, 3] > 0.9
    assert abs(found[0, 2]) < 0.3
