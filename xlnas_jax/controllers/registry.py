"""From a configured controller to the functions that run it."""

from xlnas_jax.config import RandomController, ReinforceController
from xlnas_jax.controllers.base import Controller
from xlnas_jax.controllers.random import make_random
from xlnas_jax.controllers.reinforce import make_reinforce
from xlnas_jax.space.space import SearchSpace


def make_controller(
    config: ReinforceController | RandomController,
    space: SearchSpace,
    num_rounds: int,
    cost_scale: tuple[float, ...],
) -> Controller:
    """The strategy that `config` names, over the sites of `space`.

    Args:
        cost_scale: the full network's cost, for each objective after the first.
    """
    match config:
        case ReinforceController():
            return make_reinforce(config, space.num_choices, num_rounds, cost_scale)
        case RandomController():
            return make_random(space.num_choices)
