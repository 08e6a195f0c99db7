"""The weight steps of the warm-up, and of the rounds after it."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.devices.sharding import make_mesh
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search import learn
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.supernet.params import EncoderParams, SharedParams
from xlnas_jax.training.learner import Learner


def prepared(**changes: Any) -> Experiment:
    """Of steps 3 + 1 in the warm-up, then 3 a round."""
    config = tiny_config()
    train = dataclasses.replace(config.train, reorder=False, **changes)
    return prepare(dataclasses.replace(config, train=train))


def make(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list]:
    """What learns, where step n moves all weights by n; and who took each step."""
    taken = []

    def make_step(method, *_):
        def take(learner: Learner, *_):
            taken.append(method.name)
            number = learner.step.astype(jnp.float32) + 1.0
            params = jax.tree.map(lambda leaf: leaf + number, learner.params)
            moved = dataclasses.replace(learner, params=params, step=learner.step + 1)
            return moved, jnp.zeros(())

        return take

    monkeypatch.setattr(learn, "make_weight_step", make_step)
    mesh = make_mesh(experiment.config.devices)
    rows = training_rows(experiment)
    return learn.make_learn(experiment, rows, None, mesh), taken


def begun(experiment: Experiment) -> Learner:
    tables: Any = {"word": jnp.zeros((2, 3))}
    layers: Any = {"kernel": jnp.zeros(4)}
    params = SharedParams(EncoderParams(tables, layers), {})
    average = learn.init_average(experiment, params)
    return Learner(params, (), jnp.zeros((), jnp.int32), average=average)


def test_the_warm_up_has_a_method_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = prepared(warm_up_method="fgm")
    run, taken = make(experiment, monkeypatch)
    learner = begun(experiment)
    for number in range(3):
        learner, _ = run(learner, number)
    assert taken == ["fgm"] * 4 + ["sandwich"] * 3


def kept(learner: Learner) -> list[np.ndarray]:
    """What a checkpoint holds."""
    return [np.array(leaf) for leaf in jax.tree.leaves(learner)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"average": 0}, 1 + 2 + 3 + 4),
        ({"average": 1}, 10),
        ({"average": 2}, (3 + 10) / 2),
        ({"average": 4}, (1 + 3 + 6 + 10) / 4),
        ({"average": 4, "freeze_embeddings": True}, (1 + 3 + 6 + 10) / 4),
    ],
    ids=str,
)
def test_the_warm_up_ends_with_the_mean_of_its_checkpoints(
    changes: dict, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = prepared(**changes)
    run, _ = make(experiment, monkeypatch)
    learner = begun(experiment)
    tree = jax.tree.structure(learner)
    for number in (0, 1):
        # As if it had been killed, and gone on.
        learner = jax.tree.unflatten(tree, map(jnp.asarray, kept(learner)))
        learner, _ = run(learner, number)
    layers: Any = learner.params.encoder.layers
    assert layers["kernel"].tolist() == [expected] * 4
    tables: Any = learner.params.encoder.embeddings
    # They move in this test alone: what is never trained is not averaged.
    word = 10 if "freeze_embeddings" in changes else expected
    assert tables["word"].tolist() == [[word] * 3] * 2
    learner, _ = run(learner, 2)
    assert learner.params.encoder.layers["kernel"].tolist() == [expected + 18] * 4


def whole(state: Any) -> list[np.ndarray]:
    return [np.array(leaf) for leaf in jax.tree.leaves(state)]


@pytest.mark.slow
def test_a_search_that_averages_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    train: TrainConfig = dataclasses.replace(tiny_config().train, average=4)
    experiment = prepare(dataclasses.replace(tiny_config(), train=train))
    data = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, *data)
    state, _ = step(engine, state)
    with Checkpoints(tmp_path, 1) as saved:
        saved.save(1, state)
    for _ in range(2):
        state, _ = step(engine, state)
    fresh, template = make_engine(experiment, *data)
    with Checkpoints(tmp_path, 1) as saved:
        found = saved.restore(template)
    assert found is not None
    number, again = found
    mean = again.learner.average.encoder.layers.up.kernel
    assert number == 1
    assert np.abs(mean).max() > 0
    for _ in range(2):
        again, _ = step(fresh, again)
    for one, other in zip(whole(state), whole(again), strict=True):
        np.testing.assert_array_equal(one, other)
