"""A search whose languages are made alike, in its warm-up or after it, and alone."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import xlnas_jax
from tests.experiments import tiny_config
from xlnas_jax.config.checkpoint import CheckpointConfig
from xlnas_jax.config.config import Config
from xlnas_jax.config.evaluate import TuningConfig
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.methods.domain import DomainConfig
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.devices.sharding import make_mesh
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.run import run_search
from xlnas_jax.search import alone, learn
from xlnas_jax.search.alone import make_train_alone
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.learn import init_method, make_settings
from xlnas_jax.search.learn import make_training_supernet as make_supernet
from xlnas_jax.search.search import step
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.supernet.params import EncoderParams, SharedParams
from xlnas_jax.training.learner import Learner

DOMAIN = DomainConfig(hidden=8, schedule="constant", weight=5.0)


def config(method: str, warm_up: str, **train: Any) -> Config:
    base = tiny_config()
    own = {"method": method, "warm_up_method": warm_up, "domain": DOMAIN, **train}
    return dataclasses.replace(
        base,
        train=dataclasses.replace(base.train, **own),
        languages=dataclasses.replace(base.languages, unlabelled=("pt", "nl")),
        search=dataclasses.replace(base.search, rounds=2, weight_steps=3),
    )


def shares_of_text(experiment: Experiment, monkeypatch, rounds: int) -> list[float]:
    """How many rows of the steps of each round are without labels."""
    found: list[float] = []

    def make_step(*_):
        def take(learner: Learner, rows, index, weight):
            found.append(1.0 - float(np.asarray(rows.labelled)[index].mean()))
            return learner, jnp.zeros(())

        return take

    monkeypatch.setattr(learn, "make_weight_step", make_step)
    mesh = make_mesh(experiment.config.devices)
    run = learn.make_learn(experiment, training_rows(experiment), None, mesh)
    layers: Any = jnp.zeros(1)
    params = SharedParams(EncoderParams(jnp.zeros(1), layers), {})
    for number in range(rounds):
        run(Learner(params, (), jnp.zeros((), jnp.int32)), number)
    return found


@pytest.mark.parametrize(
    ("method", "warm_up"),
    [("finetune", "adversarial"), ("adversarial", "finetune")],
)
def test_text_is_seen_by_the_steps_that_learn_from_it_alone(
    method: str, warm_up: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = config(method, warm_up, reorder=False, pretune_steps=6)
    found = shares_of_text(prepare(own), monkeypatch, rounds=4)
    first, later = found[:6], found[6:]
    heard, plain = (first, later) if warm_up == "adversarial" else (later, first)
    assert len(later) == 6 and max(plain) == 0.0 and max(heard) > 0.3


def test_a_discriminator_names_the_languages_whose_text_is_seen() -> None:
    experiment = prepare(config("adversarial", "adversarial", pretune_steps=6))
    (part,) = experiment.parts
    # en, fr, pt and, of text alone, nl; those without text are none of them.
    assert [part.roles.every[n] for n in part.learnt] == ["en", "fr", "pt", "nl"]
    supernet = make_supernet(experiment)
    later, first = (
        make_settings(experiment, supernet, states)["task"]
        for states in ("method", "warm_up")
    )
    assert (first.span, later.span) == ((0, 6), (6, 6))
    (state,) = init_method(experiment, "warm_up").values()
    assert state.discriminator.output.kernel.shape == (8, 4)
    assert (int(state.first), int(state.num_steps)) == (0, 6)
    without = prepare(config("adversarial", "adversarial", pretune_steps=0))
    assert init_method(without, "warm_up") == {}


@pytest.fixture(scope="module")
def begun() -> tuple[Experiment, Any, Any, Learner]:
    experiment = prepare(config("adversarial", "adversarial", pretune_steps=2))
    rows = training_rows(experiment)
    engine, state = make_engine(experiment, rows, heldout_data(experiment))
    return experiment, rows, engine, state.learner


def weights(states: Any) -> list[np.ndarray]:
    return [np.array(leaf) for leaf in jax.tree.leaves(states["task"].discriminator)]


def differ(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return any((a != b).any() for a, b in zip(one, other, strict=True))


@pytest.mark.slow
def test_the_warm_up_and_the_rounds_have_a_discriminator_each(begun) -> None:
    _, _, engine, learner = begun
    learner = jax.tree.map(lambda leaf: jnp.array(leaf), learner)
    before = weights(learner.warm_up), weights(learner.method)
    learner, loss = engine.learn(learner, 0)
    warm = weights(learner.warm_up), weights(learner.method)
    assert differ(warm[0], before[0]) and not differ(warm[1], before[1])
    learner, later = engine.learn(learner, 1)
    after = weights(learner.warm_up), weights(learner.method)
    assert not differ(after[0], warm[0]) and differ(after[1], warm[1])
    assert np.isfinite([float(loss), float(later)]).all()


@pytest.mark.slow
def test_networks_alone_are_trained_alike_by_either_program_and_compiled_once(
    begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, rows, _, learner = begun
    first, second = draw_feasible(experiment, 2, "control")
    train = make_train_alone(experiment, rows, TuningConfig(3, 1e-3))
    params = jax.tree.map(lambda leaf: jnp.array(leaf), learner.params)
    one = train(params, first)
    with CompileCounter() as compiles:
        train(params, second)
    assert compiles.programs == 0
    monkeypatch.setattr(alone, "OWN_PROGRAM", 1)
    other = train(params, first)
    moved = 0.0
    for start, a, b in zip(*map(jax.tree.leaves, (params, one, other)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
        moved = max(moved, float(np.abs(np.asarray(a - start)).max()))
    assert moved > 2e-3


@pytest.mark.slow
def test_a_whole_search_by_it_goes_on_with_the_same_bits_and_exports(
    tmp_path: Path,
) -> None:
    own = config("adversarial", "adversarial", pretune_steps=2)
    own = dataclasses.replace(
        own,
        search=dataclasses.replace(own.search, finalists=2),
        finalists=FinalistsConfig(steps=2, budgets=(0.75,), controls=("uniform",)),
        export=ExportConfig(finetune_steps=2),
        checkpoint=CheckpointConfig(every=1),
    )
    document, model = run_search(own, tmp_path / "whole")
    assert {one["kind"] for one in document["finalists"]["networks"]} >= {"uniform"}
    texts = ["Portugal", "euro"]
    assert len(xlnas_jax.load(model).predict(texts)) == len(texts)

    experiment = prepare(own)
    data = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, *data)
    state, _ = step(engine, state)
    with Checkpoints(tmp_path, 1) as saved:
        saved.save(1, state)
    state, _ = step(engine, state)
    fresh, template = make_engine(experiment, *data)
    with Checkpoints(tmp_path, 1) as saved:
        found = saved.restore(template)
    assert found is not None
    again, _ = step(fresh, found[1])
    pairs = zip(jax.tree.leaves(state), jax.tree.leaves(again), strict=True)
    assert all((np.array(one) == np.array(other)).all() for one, other in pairs)
