"""The configured strategy, compiled."""

import dataclasses
from typing import Any

from xlnas_jax.controllers.base import Controller, Setting, Told
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.escape import with_escape


def make_strategy(experiment: Experiment) -> Controller:
    """The configured strategy, compiled, with costs scaled by the full network's."""
    config, space = experiment.config, experiment.space
    counts = experiment.costs(space.largest_row[None])
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
    is_changed = config.search.seeds or config.space.adapt is not None
    if is_changed and not controller.learns_from_any:
        controller = of_its_own(controller)
    escape, size = config.search.escape, config.search.archive_size
    if escape is None:
        return controller
    return with_escape(controller, escape, setting, experiment.box, size)


def of_its_own(controller: Controller) -> Controller:
    """The same strategy, told of nothing that it did not draw."""

    def tell(state: Any, told: Told) -> Any:
        if told.is_drawn is not None:
            told = dataclasses.replace(told, is_valid=told.is_valid & told.is_drawn)
        return controller.tell(state, told)

    return controller._replace(tell=tell)
