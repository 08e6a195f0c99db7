"""Every strategy finds the best of 81 networks where chance mostly does not."""

import typing

import jax.numpy as jnp
import numpy as np
import pytest

from tests.landscapes import FREE, OPTIMUM, TOY, search, toy_objectives
from tests.settings import make_setting
from xlnas_jax.config.controller import (
    AnyController,
    RandomController,
    ReinforceController,
)
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.space.every import every_architecture

NUM_SEEDS = 20
CONTROLS = ("random", "uniform", "more_params")
# In twelve rounds the default's steps do not lead far.
CONFIGS = {"reinforce": ReinforceController(learning_rate=0.2)}


def strategies() -> list:
    """All but the controls, and but those that need the gradient of a network."""
    found = []
    for config in typing.get_args(AnyController):
        controller = make_controller(config(), make_setting(space=TOY))
        if config().kind not in CONTROLS and controller.refine is None:
            # On the host all seeds run one after another.
            marks = () if controller.is_compiled else (pytest.mark.slow,)
            found.append(pytest.param(config().kind, marks=marks))
    return found


def configured(kind: str) -> AnyController:
    kinds = {config().kind: config for config in typing.get_args(AnyController)}
    return CONFIGS[kind] if kind in CONFIGS else kinds[kind]()


def found_in(kind: AnyController, rounds: int, population: int) -> int:
    """In how many seeds the optimum was asked for."""
    setting = make_setting(space=TOY, num_rounds=rounds, population=population)
    controller = make_controller(kind, setting)
    met = search(controller, toy_objectives, rounds, population, NUM_SEEDS)
    return int((met.min((1, 2, 3)) == 0).sum())


def test_the_toy_has_one_optimum_among_81_networks():
    rows = every_architecture(TOY)

    errors = np.asarray(toy_objectives(jnp.asarray(rows)))[:, 0]

    assert len(rows) == TOY.size == 81
    assert (errors == 0).sum() == 1
    np.testing.assert_array_equal(rows[errors.argmin()][FREE], OPTIMUM)


@pytest.mark.parametrize("kind", strategies())
def test_the_optimum_is_found_in_72_evaluations(kind):
    assert found_in(configured(kind), rounds=12, population=6) >= 19


def test_chance_misses_it_in_as_many_evaluations():
    assert found_in(RandomController(), rounds=12, population=6) <= 12
