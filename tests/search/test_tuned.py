"""Candidates that are trained before they are scored."""

import dataclasses
import json
from typing import Any

import jax
import numpy as np
import pytest

from tests.experiments import RANDOM, tiny_config, warmed_up
from xlnas_jax.config.config import Config
from xlnas_jax.config.evaluate import EvaluateConfig, HalvingConfig, TuningConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finalists.document import winner_of
from xlnas_jax.results.finish import Rescore, final_front
from xlnas_jax.run.again import export_run
from xlnas_jax.run.run import run_search
from xlnas_jax.search.search import step
from xlnas_jax.search.tuned import make_tuned_evaluate
from xlnas_jax.supernet.stages.tuned import in_words
from xlnas_jax.types import ConfigError

STEPS = 3
SHARES = (0.0, 0.5, 1.0)


def config(weight_steps: int = 0) -> Config:
    base = tiny_config(controller=RANDOM)
    return dataclasses.replace(
        base,
        space=dataclasses.replace(base.space, tuned=SHARES),
        languages=dataclasses.replace(base.languages, unlabelled=("pt", "nl")),
        train=dataclasses.replace(
            base.train, method="distill", kd_vector=1.0, pretune_steps=6
        ),
        search=dataclasses.replace(
            base.search,
            rounds=2,
            weight_steps=weight_steps,
            finalists=2,
            objectives=("divergence", "flops", "tuned_params"),
            seeds=("uniform",),
            control=False,
        ),
        finalists=FinalistsConfig(
            steps=4, budgets=(0.75, 0.5), controls=("random",), by="both"
        ),
        evaluate=EvaluateConfig(form="sliced", tuning=TuningConfig(STEPS, 1e-3)),
    )


@pytest.fixture(scope="module")
def begun() -> Any:
    experiment = prepare(config())
    engine, state, _ = warmed_up(experiment)
    return experiment, engine, state


def test_nothing_is_trained_twice_from_the_same_weights(begun) -> None:
    experiment, engine, state = begun
    trained: list[bytes] = []

    def tune(params: Any, row: np.ndarray) -> Any:
        trained.append(row.tobytes())
        return engine.tune(params, row)

    score = make_tuned_evaluate(tune, engine.score_as_is)
    size = experiment.config.search.population
    rows = draw_feasible(experiment, 3, "control")
    table = np.pad(rows, ((0, size - 3), (0, 0)))
    params = state.learner.params
    first = score(params, table[[0, 1, *range(2, size)]], 2)
    again = score(params, table, 3)
    assert len(trained) == 3
    for one, other in zip(first.statistics, again.statistics, strict=True):
        np.testing.assert_array_equal(one[:2], other[:2])
    # Of other weights, equal as they may be, nothing is known.
    score(jax.tree.map(lambda leaf: leaf + 0, params), table, 1)
    assert len(trained) == 4


def test_each_is_scored_by_weights_that_it_was_trained_to(begun) -> None:
    experiment, engine, state = begun
    params = state.learner.params
    before = jax.tree.map(np.array, params)
    rows = draw_feasible(experiment, 4, "control")
    tuned = Rescore(experiment, engine, params)(rows)
    as_is = Rescore(experiment, engine, params, as_is=True)(rows)
    assert (tuned.objectives[:, 0] != as_is.objectives[:, 0]).all()
    # A little distillation brings networks nearer to their teacher.
    assert tuned.objectives[:, 0].mean() < as_is.objectives[:, 0].mean()
    for row, own in zip(rows, tuned.objectives, strict=True):
        trained = engine.tune(params, row)
        alone = Rescore(experiment, engine, trained, as_is=True)(row[None])
        np.testing.assert_allclose(alone.objectives[0], own, rtol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, before, params)


def test_an_archive_of_constant_weights_is_not_scored_again(begun) -> None:
    experiment, engine, state = begun
    for _ in range(2):
        state, _ = step(engine, state)
    counts = []

    def counted(params, table, count):
        counts.append(count)
        return engine.score(params, table, count)

    score = Rescore(experiment, engine._replace(score=counted), state.learner.params)
    front = final_front(experiment, score, state.archive)
    known = np.asarray(state.archive.objectives)[np.asarray(state.archive.is_valid)]
    assert sum(counts) < len(known)
    for own in front.objectives:
        dominates = (known <= own).all(-1) & (known < own).any(-1)
        assert not dominates.any()
    # What is scored again comes out as it was remembered.
    remembered = {tuple(np.round(one, 5)) for one in known.tolist()}
    found = [tuple(np.round(one, 5)) for one in front.objectives.tolist()]
    assert sum(one in remembered for one in found) >= len(found) - 1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tuned") / "run"
    return folder, *run_search(config(), folder)


def test_a_whole_search_ends_with_a_finalist(run) -> None:
    _, document, path = run
    finalists = document["finalists"]["networks"]
    assert {one["kind"] for one in finalists} == {"found", "random"}
    assert list(document["baselines"]) == ["full"]
    assert document["baselines"]["full"]["objectives"]["divergence"] < 1e-5
    card = (path / "README.md").read_text("utf-8")
    assert "4 updates of this network alone" in card


def test_it_tells_which_layers_were_trained(run) -> None:
    _, document, path = run
    winner = winner_of(document)
    assert winner is not None
    architecture = json.loads((path / "architecture.json").read_text("utf-8"))
    assert architecture["architecture"] == winner["architecture"]
    kept = winner["architecture"]["keep"]
    shares = winner["architecture"]["tuned"]
    assert set(shares) <= set(SHARES)
    card = (path / "README.md").read_text("utf-8")
    told = [line for line in card.splitlines() if line[:2] in ("1.", "2.")]
    expected = [in_words(s) for s, k in zip(shares, kept, strict=True) if k]
    assert [line.split("neurons, ")[1] for line in told] == expected
    count = winner["costs"]["tuned_params"]
    title = "parameters of layers that training alone changes"
    assert f"| {title} | {count:,} |" in card
    # The share of a layer that is not kept is nobody's choice.
    assert all(s == 0 for s, k in zip(shares, kept, strict=True) if not k)


@pytest.mark.slow
def test_a_killed_search_comes_to_the_same_end(run, tmp_path, monkeypatch) -> None:
    folder, document, _ = run
    whole = (folder / "front.json").read_bytes()
    again = tmp_path / "again"

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("xlnas_jax.run.run.conclude", dies)
    with pytest.raises(KeyboardInterrupt):
        run_search(config(), again)
    monkeypatch.undo()
    run_search(config(), again)
    assert (again / "front.json").read_bytes() == whole
    assert document["evaluated"] > 0


def test_only_a_finalist_can_be_exported(run, tmp_path) -> None:
    folder, document, _ = run
    finalists = {one["id"] for one in document["finalists"]["networks"]}
    others = [p["id"] for p in document["points"] if p["id"] not in finalists]
    if not others:
        pytest.skip("all of this front were finalists")
    with pytest.raises(ConfigError, match="must be a finalist"):
        export_run(folder, others[0], tmp_path / "out")


def test_it_needs_finalists_and_nothing_that_saves_scoring() -> None:
    base = config()
    with pytest.raises(ConfigError, match=r"evaluate\.tuning: needs search\.finalists"):
        dataclasses.replace(base, search=dataclasses.replace(base.search, finalists=0))
    with pytest.raises(ConfigError, match=r"tuning: must not be given beside"):
        EvaluateConfig(tuning=TuningConfig(), halving=HalvingConfig())
