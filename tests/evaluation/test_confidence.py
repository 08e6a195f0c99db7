"""Bounds hold as often as they say, on values drawn without replacement."""

import numpy as np
import pytest
import scipy.stats

from xlnas_jax.config.evaluate import RaceConfig
from xlnas_jax.evaluation.confidence import (
    compare,
    serfling_radius,
    student_quantile,
    student_radius,
)

DRAWS = 4000


def excesses(values: np.ndarray, num: int, seed: int = 0):
    """Of many draws: deviation, and by how much their mean exceeds that of all."""
    rng = np.random.default_rng(seed)
    drawn = np.stack([rng.permutation(values)[:num] for _ in range(DRAWS)])
    return drawn.std(1), drawn.mean(1) - values.mean()


@pytest.mark.parametrize("degrees", [8, 24, 200])
@pytest.mark.parametrize("probability", [0.9, 0.99, 0.9999])
def test_the_quantile_is_that_of_students_distribution(degrees, probability):
    expected = scipy.stats.t.ppf(probability, degrees)
    assert student_quantile(probability, degrees) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("num", [20, 60, 90])
@pytest.mark.parametrize("delta", [0.02, 0.2])
def test_student_fails_as_often_as_it_says_on_normal_values(num, delta):
    values = scipy.stats.norm.ppf((np.arange(100) + 0.5) / 100)
    spread, excess = excesses(values, num)
    failed = (excess > student_radius(spread, num, num / 100, delta)).mean()
    assert failed == pytest.approx(delta, rel=0.35)


@pytest.mark.parametrize("num", [20, 60, 90])
@pytest.mark.parametrize("sign", [-1, 1])
def test_serfling_holds_on_rare_large_values(num, sign):
    values = sign * (np.arange(100) < 3).astype(float)
    spread, excess = excesses(values, num)
    failed = (excess > serfling_radius(spread, 1.0, num, num / 100, 0.2)).mean()
    assert failed <= 0.2


def test_serfling_equals_its_formula():
    # By hand: rho is 1 - 19/100 below one half and (1 - .8)(1 + 1/80) above it.
    kappa, log = 7 / 3 + 3 / np.sqrt(2), np.log(5 / 0.1)
    few = serfling_radius(np.asarray([0.3]), 2.0, 20, 0.2, 0.1)
    expected = 0.3 * np.sqrt(2 * 0.81 * log / 20) + kappa * 2 * log / 20
    assert few == pytest.approx(expected)
    many = serfling_radius(np.asarray([0.3]), 2.0, 80, 0.8, 0.1)
    expected = 0.3 * np.sqrt(2 * 0.2025 * log / 80) + kappa * 2 * log / 80
    assert many == pytest.approx(expected)


def test_better_means_by_more_than_epsilon_and_noise():
    scores = np.asarray([[0.2], [0.5], [0.52]])
    values = np.random.default_rng(0).normal(size=(3, 400, 1)) * 0.3
    values -= values.mean(1, keepdims=True)
    found = compare(scores, values, 0.5, 0.01, RaceConfig())
    expected = [[False, False, False], [True, False, False], [True, False, False]]
    np.testing.assert_array_equal(found, expected)
    assert not compare(scores, values, 0.5, 0.01, RaceConfig(epsilon=0.4)).any()


def test_a_candidate_must_be_better_in_every_score():
    scores = np.asarray([[0.1, 0.8], [0.8, 0.1], [0.9, 0.9]])
    values = np.zeros((3, 50, 2))
    found = compare(scores, values, 0.5, 0.01, RaceConfig())
    expected = [[False, False, False], [False, False, False], [True, True, False]]
    np.testing.assert_array_equal(found, expected)


def test_a_pair_is_trusted_no_more_than_the_median_pair():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 60, 1)) * 0.1
    values[:2] *= 0.1
    values -= values.mean(1, keepdims=True)
    scores = np.zeros((6, 1))
    scores[1] = 0.02
    assert compare(scores[:2], values[:2], 0.3, 0.01, RaceConfig())[1, 0]
    assert not compare(scores, values, 0.3, 0.01, RaceConfig()).any()


def test_twins_may_differ_in_what_was_not_drawn_yet():
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=(1, 60, 1)), 2, axis=0)
    values[1] += 1e-3 * rng.normal(size=(60, 1))
    values -= values.mean(1, keepdims=True)
    # Many deviations of their differences, but few of their own.
    assert not compare(
        np.asarray([[0.0], [0.1]]), values, 0.3, 0.01, RaceConfig()
    ).any()
    assert compare(np.asarray([[0.0], [0.3]]), values, 0.3, 0.01, RaceConfig())[1, 0]
