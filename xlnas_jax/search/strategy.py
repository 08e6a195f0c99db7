"""The configured strategy, compiled."""

import numpy as np

from xlnas_jax.controllers.base import Controller, Setting
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.escape import with_escape


def make_strategy(experiment: Experiment) -> Controller:
    """The configured strategy, compiled, with costs scaled by the full network's."""
    config, space = experiment.config, experiment.space
    full = np.asarray(space.flatten(space.largest()))[None]
    counts = experiment.costs(full)
    scales = tuple(
        float(counts[o.name][0]) if o.is_cost else 1.0
        for o in experiment.objectives[1:]
    )
    setting = Setting(
        experiment.costs,
        config.constraints,
        config.search.rounds,
        config.search.population,
        scales,
        tuple(objective.name for objective in experiment.objectives),
    )
    controller = make_controller(config.controller, setting).compiled()
    escape, size = config.search.escape, config.search.archive_size
    if escape is None:
        return controller
    return with_escape(controller, escape, setting, experiment.box, size)
