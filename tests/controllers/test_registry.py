"""Each configured kind becomes its controller, over the sites of the space."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import tiny_space
from tests.settings import make_setting
from xlnas_jax.config import RandomController, ReinforceController
from xlnas_jax.controllers import Told, make_controller

SPACE = tiny_space()
NUM_SITES = len(SPACE.num_choices)


@pytest.mark.parametrize("config", [ReinforceController(), RandomController()])
def test_asked_candidates_are_points_of_the_space(config):
    controller = make_controller(config, make_setting(10.0))

    asked = controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 64)

    assert asked.shape == (64, NUM_SITES)
    ends = np.asarray(SPACE.num_choices)
    assert (np.asarray(asked) >= 0).all()
    np.testing.assert_array_equal(np.asarray(asked).max(0), ends - 1)


@pytest.mark.parametrize("config", [ReinforceController(), RandomController()])
def test_rounds_run_under_scan_with_shapes_that_stay(config):
    controller = make_controller(config, make_setting(10.0))

    def step(state, key):
        indices = controller.ask(state, key, 6)
        scores = jax.random.uniform(key, (6, 2))
        return controller.tell(
            state, Told(indices, scores, scores[:, 0] > 0.3)
        ), indices

    start = controller.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 5)
    end, asked = jax.jit(lambda start: jax.lax.scan(step, start, keys))(start)

    assert asked.shape == (5, 6, NUM_SITES)
    shapes = [[leaf.shape for leaf in jax.tree.leaves(s)] for s in (start, end)]
    assert shapes[0] == shapes[1]


def test_kinds_differ_in_what_they_learn():
    told = Told(jnp.eye(2, NUM_SITES, dtype=jnp.int32), jnp.eye(2), jnp.ones(2, bool))

    moved = []
    for config in (ReinforceController(), RandomController()):
        controller = make_controller(config, make_setting(1.0))
        state = controller.init(jax.random.key(0))
        before = controller.summary(state)["probabilities"]
        after = controller.summary(controller.tell(state, told))["probabilities"]
        moved.append(bool((before != after).any()))

    assert moved == [True, False]
