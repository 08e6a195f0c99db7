"""Populations on translations: equal to one network after another, by other code."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.alignment.measures.base import cosines
from xlnas_jax.alignment.measures.retrieval import hits_at_1
from xlnas_jax.config.data import CldrData, PairsData
from xlnas_jax.devices.sharding import make_mesh
from xlnas_jax.evaluation.population import (
    make_evaluate,
    make_scoring_supernet,
    row_scorer_of,
)
from xlnas_jax.evaluation.predictions import make_predictor
from xlnas_jax.experiment.arrays import heldout_data
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.results.scoring import score_predictions

NAMES = CldrData(per_class=20)
DATA = PairsData((NAMES,), dev=(NAMES,), test=(NAMES,))


@pytest.fixture(scope="module")
def made():
    base = tiny_config(data=DATA)
    experiment = prepare(base)
    heldout = heldout_data(experiment)
    params = init_params(experiment)
    # New weights hardly tell texts apart.
    params = jax.tree.map(lambda leaf: leaf * 6.0 if leaf.ndim > 1 else leaf, params)
    return experiment, params, heldout, draw_feasible(experiment, 6, "control")


def evaluate(experiment, params, heldout, rows, form: str, num: int = 6):
    settings = dataclasses.replace(experiment.config.evaluate, form=form)
    own = experiment.with_evaluate(settings)
    run = make_evaluate(own, heldout, make_mesh(experiment.config.devices))
    return np.asarray(run(params, rows, num).statistics[0])


def test_a_population_is_scored_as_its_networks_are(made) -> None:
    experiment, params, heldout, rows = made
    (part,), (data,) = experiment.parts, heldout
    found = evaluate(experiment, params, heldout, rows, "sliced")
    predict = make_predictor(
        make_scoring_supernet(experiment), experiment.space, part.task
    )
    metrics = part.task.metrics(found)
    for n, row in enumerate(rows):
        outputs = predict(params.of_task(part.name), row, data.batches)
        official = score_predictions(part.task, data, outputs)
        for column, scores in enumerate(official):
            for name in ("p_at_1", "to_source", "from_source"):
                assert metrics[name][n, column] == pytest.approx(
                    scores.metrics[name], abs=1e-5
                )
    assert found[..., 0].tolist() == [[len(one) for one in data.examples]] * 6
    assert len({*metrics["p_at_1"].ravel().tolist()}) > 3


def test_official_scores_are_those_of_nearest_neighbours(made) -> None:
    experiment, params, heldout, rows = made
    (part,), (data,) = experiment.parts, heldout
    supernet = make_scoring_supernet(experiment)
    predict = make_predictor(supernet, experiment.space, part.task)
    outputs = predict(params.of_task(part.name), rows[0], data.batches)
    vectors = np.zeros((len(data.rows), experiment.shape.width))
    for plan, bucket in zip(data.plans, outputs, strict=True):
        real = plan.weight > 0
        vectors[plan.rows[real]] = np.asarray(bucket["vector"])[real]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    start = 0
    texts = [t for one in data.examples for t in one.texts]
    every = [*texts, *dict.fromkeys(t for o in data.examples for t in o.translations)]
    for one, scores in zip(
        data.examples, score_predictions(part.task, data, outputs), strict=True
    ):
        ours = vectors[start : start + len(one)]
        at = [len(texts) + every[len(texts) :].index(t) for t in one.translations]
        table = cosines(ours, vectors[at])
        expected = (hits_at_1(table).mean() + hits_at_1(table.T).mean()) / 2
        assert scores.metrics["p_at_1"] == pytest.approx(expected)
        assert scores.items[:, 0].mean() == pytest.approx(expected)
        start += len(one)


def test_both_forms_agree_and_the_rest_of_a_population_is_zero(made) -> None:
    experiment, params, heldout, rows = made
    sliced = evaluate(experiment, params, heldout, rows, "sliced", 4)
    masked = evaluate(experiment, params, heldout, rows, "masked", 4)
    np.testing.assert_allclose(sliced, masked, rtol=1e-3, atol=1e-3)
    assert not sliced[4:].any() and sliced[:4].any()


def test_statistics_of_rows_add_up_to_those_of_languages(made) -> None:
    experiment, params, heldout, rows = made
    (part,), (data,) = experiment.parts, heldout
    score = row_scorer_of(experiment, part, data)
    found = score(params.of_task(part.name), rows[:1], 1, data.batches)
    total = np.zeros((len(part.roles.every), part.task.num_statistics))
    for batch, own in zip(data.batches, found, strict=True):
        language = np.asarray(batch.language).ravel()
        np.add.at(total, language, np.asarray(own)[0].reshape(len(language), -1))
    expected = evaluate(experiment, params, heldout, rows[:1], "sliced", 1)[0]
    columns = [part.roles.every.index(code) for code in part.roles.aux_heldout]
    np.testing.assert_allclose(total[columns], expected, rtol=1e-5)


def test_a_network_of_nan_has_no_scores(made) -> None:
    experiment, params, heldout, rows = made
    bad = jax.tree.map(lambda leaf: leaf * np.nan, params)
    assert np.isnan(evaluate(experiment, bad, heldout, rows, "sliced")).all()
