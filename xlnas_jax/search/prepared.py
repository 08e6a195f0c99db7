"""What a transfer method does before its first step, on the weights it begins with."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jaxtyping import Array, Key

from xlnas_jax.config.train import TrainConfig
from xlnas_jax.training.methods.base import Draw, Method, Setting, Start
from xlnas_jax.types import Batch


def init_states(
    method: Method, settings: Mapping[str, Setting], key: Key[Array, ""]
) -> dict[str, Any]:
    """The method's own state of each task, before anything."""
    return {
        name: method.init(one, jax.random.fold_in(key, number))
        for number, (name, one) in enumerate(settings.items())
    }


def prepared_states(
    method: Method,
    settings: Mapping[str, Setting],
    params: Mapping[str, Any],
    make_draw: Callable[[int], Draw],
    key: Key[Array, ""],
    split: Callable[[Batch], Batch],
) -> dict[str, Any]:
    """The same once it is ready for its first step.

    It follows from the arguments alone: what is interrupted is done again.

    Args:
        settings: of each task, with the rates of the training that follows.
        params: of each task; they are left as they are.
        make_draw: `Start.draw` of a task, by its number.
        split: a batch with its rows divided over the devices.
    """
    states = init_states(method, settings, key)
    if method.prepare is None:
        return states
    for number, (name, setting) in enumerate(settings.items()):
        start = Start(params[name], make_draw(number), split)
        own = jax.random.fold_in(jax.random.fold_in(key, number), 1)
        states[name] = method.prepare(setting, start, own)
    return states


def at_rates(
    settings: Mapping[str, Setting], rate: float, head_rate: float
) -> dict[str, Setting]:
    """The same with other learning rates."""

    def one(train: TrainConfig) -> TrainConfig:
        return dataclasses.replace(
            train, learning_rate=rate, head_learning_rate=head_rate
        )

    return {
        name: setting._replace(config=one(setting.config))
        for name, setting in settings.items()
    }
