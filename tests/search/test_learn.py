"""The weight steps of the warm-up, and of the rounds after it."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import pytest

from tests.experiments import tiny_config
from xlnas_jax.devices.sharding import make_mesh
from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search import learn
from xlnas_jax.supernet.params import EncoderParams, SharedParams
from xlnas_jax.training.learner import Learner


def test_the_warm_up_has_a_method_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config()
    train = dataclasses.replace(config.train, warm_up_method="fgm", reorder=False)
    experiment = prepare(dataclasses.replace(config, train=train))
    taken = []

    def make(method, *_):
        def take(learner, *_):
            taken.append(method.name)
            return learner, jnp.zeros(())

        return take

    monkeypatch.setattr(learn, "make_weight_step", make)
    monkeypatch.setattr(learn, "_loss_of_sound", lambda params, loss: loss)
    mesh = make_mesh(config.devices)
    run = learn.make_learn(experiment, training_rows(experiment), None, mesh)
    nothing: Any = SharedParams(EncoderParams({}, {}), {})
    learner = Learner(nothing, (), jnp.zeros((), jnp.int32))
    for number in range(3):  # of steps 3 + 1 in the warm-up, then 3 a round
        run(learner, number)
    assert taken == ["fgm"] * 4 + ["sandwich"] * 3
