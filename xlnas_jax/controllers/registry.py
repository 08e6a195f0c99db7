"""From a configured controller to the functions that run it."""

from xlnas_jax.config import (
    AnyController,
    AutoregressiveController,
    DartsController,
    GdasController,
    MoreParamsController,
    Nsga2Controller,
    OptunaController,
    PredictorController,
    RandomController,
    RegularisedEvolutionController,
    ReinforceController,
    UniformController,
)
from xlnas_jax.controllers.autoregressive import make_autoregressive
from xlnas_jax.controllers.base import Controller, Setting
from xlnas_jax.controllers.darts import make_darts
from xlnas_jax.controllers.gdas import make_gdas
from xlnas_jax.controllers.more_params import make_more_params
from xlnas_jax.controllers.nsga2 import make_nsga2
from xlnas_jax.controllers.optuna import make_optuna
from xlnas_jax.controllers.predictor import make_predictor
from xlnas_jax.controllers.random import make_random
from xlnas_jax.controllers.regularised_evolution import make_regularised_evolution
from xlnas_jax.controllers.reinforce import make_reinforce
from xlnas_jax.controllers.uniform import make_uniform


def make_controller(config: AnyController, setting: Setting) -> Controller:
    """The strategy that `config` names, over the sites of the space."""
    num_choices = setting.space.num_choices
    match config:
        case ReinforceController():
            return make_reinforce(
                config, num_choices, setting.num_rounds, setting.cost_scale
            )
        case PredictorController():
            return make_predictor(config, setting)
        case DartsController():
            return make_darts(config, setting)
        case GdasController():
            return make_gdas(config, setting)
        case AutoregressiveController():
            return make_autoregressive(config, setting)
        case RegularisedEvolutionController():
            return make_regularised_evolution(config, setting)
        case Nsga2Controller():
            return make_nsga2(config, setting)
        case RandomController():
            return make_random(num_choices)
        case UniformController():
            return make_uniform(setting)
        case MoreParamsController():
            return make_more_params(config, setting)
        case OptunaController():
            return make_optuna(config, setting)
