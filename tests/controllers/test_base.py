"""What all controllers share: which rows teach, and the single reward."""

import jax.numpy as jnp
import numpy as np

from xlnas_jax.controllers.base import Told, choice_mask, scalarise, usable


def test_only_valid_rows_with_finite_objectives_are_usable():
    objectives = jnp.asarray([[0.1, 1], [jnp.nan, 1], [0.1, jnp.inf], [0.2, 2]])
    is_valid = jnp.asarray([True, True, True, False])

    told = Told(jnp.zeros((4, 1), jnp.int32), objectives, is_valid)

    np.testing.assert_array_equal(usable(told), [True, False, False, False])


def test_reward_counts_the_full_network_as_cost_one():
    objectives = jnp.asarray([[0.4, 100.0], [0.4, 50.0], [0.2, 100.0]])

    reward = scalarise(objectives, (100.0,), 0.5)

    np.testing.assert_allclose(reward, [-0.9, -0.65, -0.7], rtol=1e-6)


def test_several_costs_are_averaged():
    reward = scalarise(jnp.asarray([[0.4, 100.0, 3.0]]), (100.0, 6.0), 1.0)

    np.testing.assert_allclose(reward, [-(0.4 + 0.75)], rtol=1e-6)


def test_without_costs_the_reward_is_minus_the_error():
    np.testing.assert_array_equal(scalarise(jnp.asarray([[0.5]]), (), 0.5), [-0.5])


def test_mask_marks_the_choices_that_each_site_has():
    expected = [[True, True, False], [True, False, False], [True, True, True]]

    np.testing.assert_array_equal(choice_mask((2, 1, 3)), expected)
