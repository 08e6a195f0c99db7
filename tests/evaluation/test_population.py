import dataclasses

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.evaluate import EvaluateConfig, RaceConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step

NUM = 12
# Rules out on the slightest evidence, so that a few examples are enough.
HASTY = RaceConfig(blocks=4, delta=0.9)
COUNT = 0  # of every task's statistics the first counts examples


def racing_config():
    search = SearchConfig(
        rounds=2,
        weight_steps=0,
        population=NUM,
        archive_size=16,
        objectives=("loss",),
    )
    evaluate = EvaluateConfig(form="sliced", race=HASTY)
    return tiny_config(search=search, evaluate=evaluate)


@pytest.fixture(scope="module")
def made():
    experiment = prepare(racing_config())
    rows, heldout = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, rows, heldout)
    # Random weights of a real start score all networks alike.
    rng = np.random.default_rng(0)
    noisy = jax.tree.map(
        lambda leaf: leaf + rng.normal(0, 0.3, leaf.shape).astype(leaf.dtype),
        state.learner.params,
    )
    learner = dataclasses.replace(state.learner, params=noisy)
    return experiment, engine, dataclasses.replace(state, learner=learner)


@pytest.fixture(scope="module")
def scored(made):
    experiment, engine, state = made
    rows = draw_feasible(experiment, NUM, "control")
    rows = np.resize(rows, (NUM, rows.shape[1]))
    params = state.learner.params
    return engine.evaluate(params, rows, NUM), engine.score(params, rows, NUM)


def test_those_that_a_race_leaves_are_scored_like_all_others(scored):
    raced, full = scored
    complete = raced.is_complete
    assert 1 <= complete.sum() < NUM
    assert full.is_complete.all()
    np.testing.assert_allclose(
        np.asarray(raced.statistics[0])[complete],
        np.asarray(full.statistics[0])[complete],
        rtol=1e-5,
        atol=1e-4,
    )


def test_those_ruled_out_are_estimated_from_what_they_saw(scored):
    raced, full = scored
    seen = np.asarray(raced.statistics[0])[~raced.is_complete, :, COUNT].sum(-1)
    every = np.asarray(full.statistics[0])[0, :, COUNT].sum()
    assert (seen > 0).all()
    assert (seen < every).all()


def test_the_archive_holds_no_estimates(made):
    experiment, engine, state = made
    asked = {}

    def spy(params, indices, num):
        found = engine.evaluate(params, indices, num)
        for row, is_complete in zip(indices[:num], found.is_complete, strict=False):
            name = experiment.space.identifier(experiment.space.canonical(row[None])[0])
            asked[name] = bool(is_complete) or asked.get(name, False)
        return found

    spied = engine._replace(evaluate=spy)
    ruled_out = 0
    for _ in range(engine.num_warm_up + 2):
        state, metrics = step(spied, state)
        ruled_out += metrics.ruled_out
    kept = np.asarray(state.archive.indices)[np.asarray(state.archive.is_valid)]
    assert ruled_out > 0
    assert len(kept) > 0
    assert all(asked[experiment.space.identifier(row)] for row in kept)
