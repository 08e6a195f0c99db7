"""Every strategy by its name in the configuration."""

from xlnas_jax.config.controller import AnyController
from xlnas_jax.controllers import (
    autoregressive,
    darts,
    gdas,
    more_params,
    nsga2,
    optuna,
    predictor,
    random,
    regularised_evolution,
    reinforce,
    uniform,
)
from xlnas_jax.controllers.base import Controller, Setting

STRATEGIES = {
    made.STRATEGY.kind: made.STRATEGY
    for made in (
        random,
        uniform,
        more_params,
        reinforce,
        autoregressive,
        regularised_evolution,
        nsga2,
        predictor,
        optuna,
        darts,
        gdas,
    )
}


def make_controller(config: AnyController, setting: Setting) -> Controller:
    """The strategy that `config` names, over the sites of the space."""
    return STRATEGIES[config.kind].make(config, setting)
