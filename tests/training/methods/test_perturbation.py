"""What is added to embedded tokens: of the length that is asked, and uphill."""

import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.training.methods.perturbation import length, moved, uphill, within

ROWS = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)


def norms(rows) -> np.ndarray:
    """Of each row, in float64."""
    return np.sqrt(np.square(np.asarray(rows, np.float64)).sum((1, 2)))


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_a_row_has_a_direction_however_small_its_gradient_is(scale: float) -> None:
    given = jnp.asarray(ROWS * np.float32(scale))
    np.testing.assert_allclose(length(given)[:, 0, 0], norms(given), rtol=1e-6)
    np.testing.assert_allclose(norms(uphill(given)), 1.0, rtol=1e-6)
    np.testing.assert_allclose(
        uphill(given), ROWS / norms(ROWS)[:, None, None], rtol=1e-5
    )


def test_a_row_that_nothing_depends_on_stays() -> None:
    given = jnp.asarray(ROWS).at[2].set(0.0)
    found = np.asarray(uphill(given))
    np.testing.assert_array_equal(found[2], 0.0)
    assert (norms(found)[[0, 1, 3, 4]] > 0.99).all()


def test_what_is_within_the_ball_stays_and_all_else_is_drawn_back_to_it() -> None:
    given = jnp.asarray(ROWS) * jnp.asarray([0.0, 0.1, 1.0, 5.0, 9.0])[:, None, None]
    found, radius = np.asarray(within(given, 2.0)), 2.0
    is_inside = norms(given) <= radius
    assert 0 < is_inside.sum() < 5
    np.testing.assert_array_equal(found[is_inside], np.asarray(given)[is_inside])
    np.testing.assert_allclose(norms(found)[~is_inside], radius, rtol=1e-6)
    np.testing.assert_allclose(
        uphill(jnp.asarray(found))[1:], uphill(given)[1:], atol=1e-6
    )


def test_tokens_keep_their_dtype() -> None:
    x = jnp.ones((5, 7, 3), jnp.bfloat16)
    found = moved(x, jnp.asarray(ROWS))
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(
        np.asarray(found, np.float32), 1.0 + ROWS, rtol=8e-3, atol=8e-3
    )
