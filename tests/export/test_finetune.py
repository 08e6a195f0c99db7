"""Fine-tuning learns the training data, and the same way every time."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config import ExportConfig
from xlnas_jax.experiment import Experiment, init_params, prepare, training_rows
from xlnas_jax.export.finetune import finetune_subnet
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.score import score_subnet
from xlnas_jax.export.slice import slice_subnet

STEPS = 30


def with_steps(experiment: Experiment, steps: int) -> Experiment:
    export = ExportConfig(finetune_steps=steps, finetune_learning_rate=1e-2)
    config = dataclasses.replace(experiment.config, export=export)
    return dataclasses.replace(experiment, config=config)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(tiny_config())


@pytest.fixture(scope="module")
def sliced(experiment) -> SubnetParams:
    smallest = np.asarray(experiment.space.flatten(experiment.space.smallest()))
    params = init_params(experiment)
    return slice_subnet(params, experiment.space, experiment.shape, smallest)


@pytest.fixture(scope="module")
def tuned(experiment, sliced) -> SubnetParams:
    return finetune_subnet(with_steps(experiment, STEPS), sliced, "mean")


def training_loss(experiment: Experiment, params: SubnetParams) -> float:
    """Mean over every example that may be trained on."""
    batches = jax.tree.map(lambda leaf: leaf[None], training_rows(experiment))
    shape, task = experiment.shape, experiment.task
    return float(score_subnet(params, shape, "mean", task, batches, 2)["loss"].mean())


def test_it_lowers_the_training_loss(experiment, sliced, tuned):
    before, after = (training_loss(experiment, p) for p in (sliced, tuned))
    assert after < 0.9 * before


def test_it_keeps_every_shape_and_moves_every_layer(sliced, tuned):
    assert tuned.sizes == sliced.sizes
    for one, other in zip(tuned.layers, sliced.layers, strict=True):
        assert np.abs(np.asarray(one.up.kernel - other.up.kernel)).max() > 0
    assert np.abs(np.asarray(tuned.embeddings.word - sliced.embeddings.word)).max() > 0


def test_the_same_input_gives_the_same_bits(experiment, sliced, tuned):
    again = finetune_subnet(with_steps(experiment, STEPS), sliced, "mean")
    jax.tree.map(np.testing.assert_array_equal, again, tuned)


def test_no_steps_change_nothing(experiment, sliced):
    assert finetune_subnet(with_steps(experiment, 0), sliced, "mean") is sliced
