"""InfoNCE against a plain log-softmax, and the similarity that is made of it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import log_softmax

from xlnas_jax.alignment.infonce import (
    infonce_loss,
    ranking_loss,
    shared_information,
)

NUM = 32


def vectors(seed: int, num: int = NUM) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((num, 16))


def single(x: np.ndarray) -> jax.Array:
    return jnp.asarray(x, jnp.float32)


def plain(x: np.ndarray, y: np.ndarray, temperature: float) -> float:
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    cosines = x @ y.T / temperature
    there = [-log_softmax(row)[i] for i, row in enumerate(cosines)]
    back = [-log_softmax(row)[i] for i, row in enumerate(cosines.T)]
    return float(np.mean(there + back))


@pytest.mark.parametrize("temperature", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.5, 3.0])
def test_it_equals_the_log_softmax_of_both_directions(temperature, noise):
    x = vectors(0)
    y = x + noise * vectors(1)
    found = infonce_loss(single(x), single(y), temperature)
    assert float(found) == pytest.approx(plain(x, y, temperature), abs=1e-4)


def test_the_similarity_is_1_where_translations_are_certain():
    x = vectors(0)
    assert float(shared_information(single(x), single(x), 0.05)) > 0.99


def test_the_similarity_is_0_by_chance_and_never_below():
    same = np.ones((NUM, 16))
    assert float(infonce_loss(single(same), single(same), 0.05)) == pytest.approx(
        np.log(NUM), abs=1e-5
    )
    assert float(shared_information(single(same), single(same), 0.05)) == pytest.approx(
        0.0, abs=1e-5
    )
    wrong = np.roll(vectors(0), 1, axis=0)
    assert float(shared_information(single(vectors(0)), single(wrong), 0.05)) == 0.0


def test_the_similarity_is_linear_in_the_loss():
    x, y = vectors(0), vectors(0) + 0.5 * vectors(1)
    expected = 1.0 - plain(x, y, 0.5) / np.log(NUM)
    assert 0.0 < expected < 1.0
    found = shared_information(single(x), single(y), 0.5)
    assert float(found) == pytest.approx(expected, abs=1e-5)


def test_a_rotated_space_is_alike_for_cka_but_no_translation_is_found():
    x = vectors(0)
    turn, _ = np.linalg.qr(vectors(1, 16))
    assert float(shared_information(single(x), single(x @ turn), 0.05)) == 0.0


def test_vectors_of_zeros_are_no_nan_but_nan_is():
    zeros = jnp.zeros((NUM, 16))
    assert np.isfinite(infonce_loss(zeros, single(vectors(0)), 0.05))
    assert np.isnan(infonce_loss(zeros * jnp.nan, single(vectors(0)), 0.05))
    slope = jax.grad(infonce_loss)(zeros, single(vectors(0)), 0.05)
    assert np.isfinite(slope).all()


def test_ranking_without_a_margin_is_the_cross_entropy_of_optax_both_ways():
    x, y = (single(vectors(seed)) for seed in (0, 1))
    unit = [one / jnp.linalg.norm(one, axis=1, keepdims=True) for one in (x, y)]
    scores = unit[0] @ unit[1].T / 0.1
    own = jnp.eye(NUM)
    both = [optax.softmax_cross_entropy(s, own) for s in (scores, scores.T)]
    expected = float((both[0] + both[1]).mean() / 2)
    assert float(ranking_loss(x, y, 0.1)) == pytest.approx(expected, rel=1e-5)


def test_a_margin_is_what_the_translation_s_own_cosine_is_less_by():
    # exp(own - m) / (exp(own - m) + sum of exp(others)), in closed form of two pairs.
    x, y = single(np.eye(2, 16)), single(np.eye(2, 16))
    expected = np.log(1 + np.exp((0.0 - (1.0 - 0.3)) / 0.5))
    found = float(ranking_loss(x, y, 0.5, margin=0.3))
    assert found == pytest.approx(expected, rel=1e-5)


def test_what_fills_a_batch_and_what_means_the_same_is_told_from_nothing():
    x, y = vectors(0, 6), vectors(1, 6)
    y[4], x[4] = y[1], x[1]  # the fifth pair is the second one again
    weight, meaning = np.asarray([1, 1, 1, 1, 1, 0]), np.asarray([0, 1, 2, 3, 1, 5])
    given = jnp.asarray(weight, jnp.float32), jnp.asarray(meaning, jnp.int32)
    found = float(ranking_loss(single(x), single(y), 0.2, 0.1, *given))
    unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in (x, y)]
    each = []
    for pair in range(5):
        others = [n for n in range(5) if n == pair or meaning[n] != meaning[pair]]
        place = others.index(pair)
        for one, other in (unit, unit[::-1]):
            cosines = other[others] @ one[pair]
            cosines[place] -= 0.1
            each.append(-log_softmax(cosines / 0.2)[place])
    assert found == pytest.approx(np.mean(each), rel=1e-4)
