"""Fine-tuning learns the training data, and the same way every time."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.export.tasks import three_tasks
from tests.terminal.heard import Heard
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.methods.gates import GatesConfig
from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.finetune import finetune_subnet
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.training.methods.base import batch_loss
from xlnas_jax.training.places import Places

STEPS = 30
KINDS = ("classification", "tagging", "qa")


def with_steps(experiment: Experiment, steps: int) -> Experiment:
    export = ExportConfig(finetune_steps=steps, finetune_learning_rate=1e-2)
    config = dataclasses.replace(experiment.config, export=export)
    return dataclasses.replace(experiment, config=config)


def sliced_of(part: TaskPart) -> SubnetParams:
    experiment = three_tasks()
    smallest = np.asarray(experiment.space.flatten(experiment.space.smallest()))
    params = init_params(experiment).of_task(part.name)
    return slice_subnet(params, experiment.space, smallest)


def training_loss(part: TaskPart, params: SubnetParams) -> float:
    """Mean over every example that may be trained on."""
    experiment = three_tasks()
    (buckets,) = training_rows(dataclasses.replace(experiment, parts=(part,)))
    losses = []
    for batch in buckets:
        arrays = batch.tokens, batch.segments, batch.length, batch.head
        logits = apply_subnet(params, experiment.shape, "mean", *arrays)
        losses.append(float(batch_loss(part.task.loss(logits, batch), batch.weight)))
    return float(np.mean(losses))


@pytest.fixture(
    scope="module",
    params=[
        1,
        pytest.param(0, marks=pytest.mark.slow),
        pytest.param(2, marks=pytest.mark.slow),
    ],
    ids=KINDS.__getitem__,
)
def tuned(request) -> tuple[TaskPart, SubnetParams, SubnetParams]:
    """A task, its network, and the same after fine-tuning."""
    part = three_tasks().parts[request.param]
    sliced = sliced_of(part)
    experiment = with_steps(three_tasks(), STEPS)
    heard = Heard()
    found = finetune_subnet(experiment, part, sliced, "mean", report=heard)
    assert heard.parts("fine-tuning") == STEPS
    return part, sliced, found


def test_it_lowers_the_training_loss(tuned):
    part, before, after = tuned
    assert training_loss(part, after) < 0.9 * training_loss(part, before)


def test_it_keeps_every_shape_and_moves_every_layer(tuned):
    _, before, after = tuned
    shapes = [[leaf.shape for leaf in jax.tree.leaves(x)] for x in (before, after)]
    assert shapes[0] == shapes[1]
    for one, other in zip(after.layers, before.layers, strict=True):
        assert np.abs(np.asarray(one.up.kernel - other.up.kernel)).max() > 0
    assert np.abs(np.asarray(after.embeddings.word - before.embeddings.word)).max() > 0


def test_output_layers_of_languages_learn_too():
    part = three_tasks().parts[1]
    before = sliced_of(part)
    after = finetune_subnet(with_steps(three_tasks(), 8), part, before, "mean")
    change = np.abs(
        np.asarray(after.head.language.kernel - before.head.language.kernel)
    )
    assert (change.max((1, 2)) > 0).all()


def test_the_same_input_gives_the_same_bits_and_what_is_frozen_stays():
    part, places = three_tasks().parts[0], Places((0,), 2)
    experiment, sliced = with_steps(three_tasks(), 5), sliced_of(part)
    train = dataclasses.replace(experiment.config.train, frozen_layers=1, accumulate=2)
    config = dataclasses.replace(experiment.config, train=train)
    experiment = dataclasses.replace(experiment, config=config)
    one, other = (
        finetune_subnet(experiment, part, sliced, "mean", places=places)
        for _ in range(2)
    )
    jax.tree.map(np.testing.assert_array_equal, one, other)
    for name in ("layers", "embeddings"):
        pair = getattr(one, name), getattr(sliced, name)
        jax.tree.map(np.testing.assert_array_equal, *pair)
    kernels = [net.head.output.kernel for net in (one, sliced)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0


@pytest.mark.slow
def test_its_sentences_can_be_attacked():
    """An attack that did not reach them would double gradients, which Adam ignores."""
    part = three_tasks().parts[0]
    made, sliced = [], sliced_of(part)
    for method in ("finetune", "fgm"):
        experiment = with_steps(three_tasks(), 3)
        train = dataclasses.replace(experiment.config.train, method=method)
        config = dataclasses.replace(experiment.config, train=train)
        experiment = dataclasses.replace(experiment, config=config)
        made.append(finetune_subnet(experiment, part, sliced, "mean"))
    plain, hurt, begin = (one.head.output.kernel for one in (*made, sliced))
    moved = np.linalg.norm(plain - begin)
    assert np.linalg.norm(plain - hurt) > 0.05 * moved > 0


@pytest.mark.slow
def test_layers_that_are_frozen_are_those_of_these_numbers_in_the_full_encoder():
    experiment, part = with_steps(three_tasks(), 3), three_tasks().parts[0]
    gates = GatesConfig("frozen", frozen_layers=1)
    train = dataclasses.replace(
        experiment.config.train, method="soft_layers", gates=gates
    )
    config = dataclasses.replace(experiment.config, train=train)
    experiment, sliced = dataclasses.replace(experiment, config=config), sliced_of(part)
    moved = []
    for number in (0, 1):
        places = Places((number,), experiment.shape.num_layers)
        given = experiment, part, sliced, "mean", None, places
        (after,), (before,) = finetune_subnet(*given).layers, sliced.layers
        moved.append(bool((after.up.kernel != before.up.kernel).any()))
    assert moved == [False, True]


@pytest.mark.slow
def test_a_layer_that_takes_nothing_stays_to_the_bit():
    experiment, part = with_steps(three_tasks(), 3), three_tasks().parts[0]
    sliced = sliced_of(part)
    given = experiment, part, sliced, "mean"
    found = finetune_subnet(*given, shares=jnp.zeros(len(sliced.layers)))
    jax.tree.map(np.testing.assert_array_equal, found.layers, sliced.layers)
    for name in ("embeddings", "head"):
        pair = getattr(found, name), getattr(sliced, name)
        same = jax.tree.map(lambda a, b: bool((a == b).all()), *pair)
        assert not all(jax.tree.leaves(same))


def test_no_steps_change_nothing():
    part = three_tasks().parts[0]
    sliced = sliced_of(part)
    assert finetune_subnet(with_steps(three_tasks(), 0), part, sliced, "mean") is sliced
