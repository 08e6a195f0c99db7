"""Debiased CKA against the published formula, and what it must not see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.alignment.cka import debiased_cka

# Products of 768 numbers each, summed over 128 x 128 pairs, in float32.
TOLERANCE = 2e-5


def gaussians(seed: int, num: int = 128, width: int = 768) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, width))


def found(x: np.ndarray, y: np.ndarray) -> float:
    return float(debiased_cka(jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)))


def hsic_1(x: np.ndarray, y: np.ndarray) -> float:
    """Equation 5 of Song et al. as it is printed, in float64."""
    num = len(x)
    ours, theirs = x @ x.T, y @ y.T
    np.fill_diagonal(ours, 0)
    np.fill_diagonal(theirs, 0)
    total = np.trace(ours @ theirs)
    total += ours.sum() * theirs.sum() / ((num - 1) * (num - 2))
    total -= 2 / (num - 2) * (ours @ theirs).sum()
    return total / (num * (num - 3))


def published(x: np.ndarray, y: np.ndarray) -> float:
    return hsic_1(x, y) / np.sqrt(hsic_1(x, x) * hsic_1(y, y))


def related(seed: int, share: float, num: int = 60) -> tuple[np.ndarray, np.ndarray]:
    x = gaussians(seed, num, 24)
    return x, share * x + (1 - share) * gaussians(seed + 1, num, 24)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("num", [4, 5, 60])
def test_it_equals_the_published_formula(share, num):
    x, y = related(int(10 * share), share, num)
    assert found(x, y) == pytest.approx(published(x, y), abs=TOLERANCE)


def test_a_mean_far_from_zero_costs_no_digits():
    # Vectors of an encoder are alike in most of their length.
    x, y = related(3, 0.5)
    assert found(x + 30.0, y - 20.0) == pytest.approx(published(x, y), abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_independent_spaces_are_not_alike(seed):
    x, y = gaussians(2 * seed), gaussians(2 * seed + 1)
    assert abs(found(x, y)) < 0.02
    # The estimate with bias takes them for nearly the same.
    x, y = x - x.mean(0), y - y.mean(0)
    norms = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    assert np.linalg.norm(y.T @ x) ** 2 / norms > 0.8


def test_rotation_and_scale_make_no_difference():
    x, y = gaussians(0), gaussians(0) + gaussians(1)
    turn, _ = np.linalg.qr(gaussians(2, 768))
    assert found(x, x @ turn) == pytest.approx(1.0, abs=TOLERANCE)
    assert found(x, 7.0 * y @ turn) == pytest.approx(found(x, y), abs=TOLERANCE)


def test_it_grows_with_what_is_shared():
    values = [found(*related(5, share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1.0, abs=TOLERANCE)


def test_vectors_that_are_all_the_same_are_like_nothing_and_nan_stays_nan():
    x = gaussians(0, 8, 4)
    assert found(np.zeros_like(x), x) == 0.0
    assert np.isnan(found(np.full_like(x, np.nan), x))


def test_its_gradient_is_that_of_finite_differences():
    x, y = (jnp.asarray(v, jnp.float32) for v in related(9, 0.6, 12))
    slope = jax.grad(debiased_cka)(x, y)
    step = np.zeros(x.shape)
    step[3, 5] = 1e-4
    wide_x, wide_y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    change = published(wide_x + step, wide_y) - published(wide_x - step, wide_y)
    assert float(slope[3, 5]) == pytest.approx(change / 2e-4, rel=1e-2)
