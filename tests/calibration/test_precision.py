import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kendalltau

from tests.experiments import tiny_config
from xlnas_jax.calibration.precision import compare_precisions, with_precision
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finish import Rescore
from xlnas_jax.search.engine import make_engine

NUM = 30


@pytest.fixture(scope="module")
def experiment():
    return prepare(tiny_config())


@pytest.fixture(scope="module")
def made(experiment):
    return make_engine(experiment, training_rows(experiment), heldout_data(experiment))


def test_an_engine_agrees_with_itself(experiment, made):
    engine, state = made
    found = compare_precisions(experiment, engine, engine, state.learner.params, NUM)
    assert found["tau"] == pytest.approx(1.0)
    assert found["accepted"]
    assert found["precision"] == "bf16"


def test_scores_that_rank_otherwise_are_refused(experiment, made):
    engine, state = made

    def evaluate(params, indices, num):
        found = engine.score(params, indices, num)
        (sums,) = found.statistics
        noise = np.random.default_rng(0).uniform(0, 20, sums.shape)
        noisy = sums + jnp.asarray(noise, sums.dtype)
        return dataclasses.replace(found, statistics=(noisy,))

    params = state.learner.params
    other = engine._replace(score_as_is=evaluate)
    found = compare_precisions(experiment, engine, other, params, NUM)
    assert not found["accepted"]
    assert found["precision"] == "fp32"


def test_the_figure_is_kendalls_of_the_first_objective(experiment, made):
    engine, state = made
    params = state.learner.params
    narrow = with_precision(experiment, "bf16")
    other, _ = make_engine(narrow, training_rows(narrow), heldout_data(narrow))
    found = compare_precisions(experiment, engine, other, params, NUM)
    rows = draw_feasible(experiment, NUM, "agree")
    scores = [
        Rescore(experiment, one, params)(rows).objectives[:, 0]
        for one in (engine, other)
    ]
    assert found["tau"] == pytest.approx(kendalltau(*scores).statistic)
    assert found["candidates"] == len(rows)


def test_candidates_that_all_score_alike_cannot_be_ranked(experiment, made):
    engine, state = made

    def evaluate(params, indices, num):
        found = engine.score(params, indices, num)
        flat = tuple(jnp.ones_like(sums) for sums in found.statistics)
        return dataclasses.replace(found, statistics=flat)

    flat = engine._replace(score_as_is=evaluate)
    found = compare_precisions(experiment, flat, flat, state.learner.params, NUM)
    assert found["tau"] is None
    assert found["precision"] == "fp32"
