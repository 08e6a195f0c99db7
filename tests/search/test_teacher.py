"""The teacher is the full network as the warm-up left it, and says what it would."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import copied
from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search.engine import make_engine, with_teacher
from xlnas_jax.search.search import step
from xlnas_jax.search.teacher import full_architecture, whole_teacher
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.training.step import network_of


def config(**changes) -> Config:
    base = tiny_config()
    languages = dataclasses.replace(base.languages, unlabelled=("pt", "nl"))
    train = dataclasses.replace(base.train, method="distill", kd_vector=1.0)
    train = dataclasses.replace(train, kd_layers=0.5)
    search = dataclasses.replace(base.search, objectives=("divergence", "flops"))
    made = dataclasses.replace(base, languages=languages, train=train, search=search)
    return dataclasses.replace(made, **changes)


@pytest.fixture(
    scope="module", params=[False, pytest.param(True, marks=pytest.mark.slow)]
)
def begun(request):
    base = config()
    train = dataclasses.replace(base.train, freeze_embeddings=request.param)
    experiment = prepare(dataclasses.replace(base, train=train))
    data = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, *data)
    for _ in range(engine.num_warm_up):
        state, _ = step(engine, state)
    before = jax.tree.map(np.array, state.learner.params)
    engine, state, data = with_teacher(experiment, engine, state, *data)
    return experiment, engine, state, data, before


def test_it_says_what_the_full_network_says_of_every_row(begun) -> None:
    experiment, _, _, (rows, heldout), before = begun
    supernet = make_supernet(experiment.space, experiment.shape)
    full = jax.jit(network_of(supernet, sees_layers=True).full)
    params = jax.tree.map(jnp.asarray, before).of_task("task")
    seen = 0
    for bucket in (*rows[0], *heldout[0].scored):
        for at in np.ndindex(bucket.length.shape[:-1]):
            one = jax.tree.map(lambda leaf, at=at: leaf[at] if at else leaf, bucket)
            x = supernet.embed(params.encoder.embeddings, one)
            found = full(params, x, one, full_architecture(experiment))
            np.testing.assert_allclose(found.logits, one.said.logits, atol=1e-5)
            if one.said.vector is not None:
                np.testing.assert_allclose(found.vector, one.said.vector, atol=1e-5)
                np.testing.assert_allclose(found.layers, one.said.layers, atol=1e-5)
            seen += 1
    assert seen > 2
    assert heldout[0].texts  # of Dutch, which nothing else is known of


def test_rounds_after_it_leave_it_as_it_is(begun) -> None:
    experiment, engine, state, _, before = begun
    saved = jax.tree.map(np.array, state.teacher)
    state = copied(state)
    for _ in range(2):
        state, metrics = step(engine, state)
    assert metrics.told is not None and bool(metrics.told.is_valid.all())
    teacher = whole_teacher(experiment, state.teacher, state.learner.params)
    for name, one, other in (
        ("saved", saved, state.teacher),
        ("full", before, teacher),
    ):
        pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs), name
    moved = zip(
        jax.tree.leaves(before.encoder.layers),
        jax.tree.leaves(state.learner.params.encoder.layers),
        strict=True,
    )
    assert not all(np.array_equal(a, b) for a, b in moved)


def test_the_full_network_is_not_apart_from_itself(begun) -> None:
    experiment, engine, state, _, _ = begun
    full = np.asarray(experiment.space.num_choices, np.int32)[None] - 1
    full[:, experiment.space.columns("pooling")] = 0  # mean, as the teacher's
    table = np.repeat(full, experiment.config.search.population, 0)
    params = whole_teacher(experiment, state.teacher, state.learner.params)
    evaluation = engine.score(params, table, len(table))
    objectives, _ = engine.measure(evaluation, experiment.costs(table))
    assert abs(float(objectives[0, 0])) < 1e-6


def test_a_search_without_one_has_none() -> None:
    experiment = prepare(tiny_config())
    data = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, *data)
    assert state.teacher is None
    same, state, _ = with_teacher(experiment, engine, state, *data)
    assert same is engine


@pytest.mark.slow
def test_candidates_over_the_limit_are_not_remembered() -> None:
    base = config()
    limits = dataclasses.replace(base.constraints, divergence=1e-12)
    experiment = prepare(dataclasses.replace(base, constraints=limits))
    data = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, *data)
    for _ in range(engine.num_warm_up):
        state, _ = step(engine, state)
    engine, state, _ = with_teacher(experiment, engine, state, *data)
    state, metrics = step(engine, state)
    told = metrics.told
    assert told is not None and told.is_within is not None
    assert not bool(told.is_within.any())
    assert bool(told.is_valid.all())
    # They learn that they are worse; costs stay what they are.
    assert float(told.objectives[:, 0].min()) > 1.0
    assert not bool(state.archive.is_valid.any())
