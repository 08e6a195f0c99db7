"""From a configured controller to the functions that run it."""

from xlnas_jax.config import AnyController, RandomController, ReinforceController
from xlnas_jax.controllers.base import Controller, Setting
from xlnas_jax.controllers.random import make_random
from xlnas_jax.controllers.reinforce import make_reinforce


def make_controller(config: AnyController, setting: Setting) -> Controller:
    """The strategy that `config` names, over the sites of the space."""
    num_choices = setting.space.num_choices
    match config:
        case ReinforceController():
            return make_reinforce(
                config, num_choices, setting.num_rounds, setting.cost_scale
            )
        case RandomController():
            return make_random(num_choices)
