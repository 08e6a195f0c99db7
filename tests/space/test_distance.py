"""Distances between architectures: a metric between 0 and 1."""

import jax
import numpy as np
import pytest

from tests.models import tiny_space
from xlnas_jax.space.distance import distances, diversity, nearest

SPACE = tiny_space()


def drawn(num: int) -> np.ndarray:
    rows = np.asarray(SPACE.flatten(SPACE.sample_valid(jax.random.key(0), num)))
    return SPACE.canonical(rows)


def test_distances_are_a_metric_within_the_unit_interval():
    rows = drawn(40)
    found = distances(SPACE, rows, rows)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), 0.0)
    is_same = (rows[:, None] == rows[None]).all(-1)
    assert ((found == 0) == is_same).all()
    assert found.max() <= 1.0
    through = found[:, :, None] + found[None]
    assert (found[:, None] <= through.swapaxes(1, 2) + 1e-12).all()


def test_ranks_count_for_ordered_knobs_and_equality_for_others():
    zero = np.zeros((1, len(SPACE.num_choices)), np.int32)
    ends = SPACE.columns("ffn").start, SPACE.columns("pooling").start
    middle, far, pooled = zero.copy(), zero.copy(), zero.copy()
    middle[0, ends[0]], far[0, ends[0]], pooled[0, ends[1]] = 1, 2, 3
    found = distances(SPACE, zero, np.concatenate([middle, far, pooled]))[0]
    np.testing.assert_allclose(found, np.asarray([0.5, 1.0, 1.0]) / zero.shape[1])


def test_the_smallest_and_the_largest_network_are_the_farthest_apart():
    ends = [np.asarray(SPACE.flatten(a)) for a in (SPACE.smallest(), SPACE.largest())]
    rows = SPACE.canonical(np.stack(ends))
    between = distances(SPACE, rows[:1], rows[1:])[0, 0]
    assert between >= distances(SPACE, drawn(200), rows[:1]).max()


def test_diversity_is_the_mean_over_pairs():
    rows = drawn(6)
    pairs = [
        distances(SPACE, rows[i : i + 1], rows[j : j + 1])[0, 0]
        for i in range(6)
        for j in range(i)
    ]
    assert diversity(SPACE, rows) == pytest.approx(np.mean(pairs))
    assert diversity(SPACE, rows[:1]) == diversity(SPACE, rows[:0]) == 0.0


def test_the_nearest_known_networks_are_averaged():
    rows, known = drawn(5), drawn(12)[5:]
    expected = np.sort(distances(SPACE, rows, known), axis=1)[:, :3].mean(1)
    np.testing.assert_allclose(nearest(SPACE, rows, known, 3), expected)
    np.testing.assert_array_equal(nearest(SPACE, known, known, 1), 0.0)
    np.testing.assert_array_equal(nearest(SPACE, rows, known[:0], 3), 1.0)
