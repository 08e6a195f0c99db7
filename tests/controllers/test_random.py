"""Random search: uniform over every site's own choices, and deaf to scores."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from xlnas_jax.controllers.base import Told
from xlnas_jax.controllers.random import make_random

NUM_CHOICES = (2, 3, 1, 4)
GOLDEN = [[0, 2, 0, 1], [0, 1, 0, 1], [0, 1, 0, 1], [0, 0, 0, 2]]


def test_golden_trace_for_a_fixed_key():
    controller = make_random(NUM_CHOICES)

    asked = controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 4)

    np.testing.assert_array_equal(asked, GOLDEN)


def test_choices_are_uniform_at_every_site():
    controller = make_random(NUM_CHOICES)
    state = controller.init(jax.random.key(0))

    asked = np.asarray(controller.ask(state, jax.random.key(1), 6000))

    for site, num in enumerate(NUM_CHOICES):
        counts = np.bincount(asked[:, site], minlength=num)
        assert len(counts) == num
        assert num == 1 or stats.chisquare(counts).pvalue > 0.001


def test_being_told_changes_nothing():
    controller = make_random(NUM_CHOICES)
    state = controller.init(jax.random.key(0))
    asked = controller.ask(state, jax.random.key(1), 5)

    after = controller.tell(state, Told(asked, jnp.ones((5, 2)), jnp.ones(5, bool)))

    assert after == state
    np.testing.assert_array_equal(controller.ask(after, jax.random.key(1), 5), asked)


def test_summary_gives_absent_choices_no_probability():
    controller = make_random((2, 3))

    summary = controller.summary(controller.init(jax.random.key(0)))

    expected = [[1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]]
    np.testing.assert_allclose(summary["probabilities"], expected, rtol=1e-6)
