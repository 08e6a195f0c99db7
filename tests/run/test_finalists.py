"""Finalists: trained alone before the choice, and never twice."""

import dataclasses
import json

import numpy as np
import pytest

import xlnas_jax
from tests.experiments import RANDOM, tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results import conclude, finish
from xlnas_jax.results.finalists import train
from xlnas_jax.results.finalists.document import winner_of
from xlnas_jax.run.again import export_run
from xlnas_jax.run.run import run_search
from xlnas_jax.search import alone
from xlnas_jax.tasks.summary import standard_error
from xlnas_jax.terminal.report import Report

CONTROLS = ("uniform", "bottom", "random", "magnitude", "influence")


def config() -> Config:
    base = tiny_config(controller=RANDOM)
    return dataclasses.replace(
        base,
        languages=dataclasses.replace(base.languages, unlabelled=("pt", "nl")),
        train=dataclasses.replace(
            base.train, method="distill", kd_vector=1.0, pretune_steps=6
        ),
        search=dataclasses.replace(base.search, rounds=2, finalists=4),
        finalists=FinalistsConfig(
            steps=3,
            patience=1,
            budgets=(0.75, 0.5),
            controls=CONTROLS,
            by="divergence",
        ),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("finalists") / "run"
    document, model = run_search(config(), folder)
    return folder, document, model


def test_the_front_and_every_control_are_trained_at_every_budget(run) -> None:
    _, document, _ = run
    networks = document["finalists"]["networks"]
    costs = prepare(config()).costs
    for kind in ("found", *CONTROLS):
        own = [one for one in networks if one["kind"] == kind]
        for budget, place in ((0.75, "0.75"), (0.5, "1/2")):
            there = [one for one in own if place in one["places"]]
            assert len(there) == 1, (kind, place)
            assert there[0]["costs"]["flops"] <= costs.flops_of_share(budget)
    assert all(one["selection"] != one["before"]["selection"] for one in networks)


def test_all_of_them_are_tested_once_and_compared_with_what_was_found(run) -> None:
    _, document, _ = run
    found = document["finalists"]
    for one in found["networks"]:
        assert one["languages"].keys() == {"en", "fr", "pt", "it", "es", "ca"}
    assert found["comparisons"].keys() == {"0.75", "1/2"}
    (task,) = document["tasks"].values()
    assert "en" in task["rows"]["dev"]  # whose loss says how long they are trained
    for place in found["comparisons"].values():
        assert place.keys() == set(CONTROLS)


def test_what_is_exported_is_the_winner_as_it_was_trained(run) -> None:
    _, document, path = run
    winner = winner_of(document)
    assert winner is not None and winner["kind"] == "found"
    card = (path / "README.md").read_text("utf-8")
    assert winner["id"] in card
    assert "then at most 3 updates of this network alone" in card
    assert "Text without labels was used of pt, nl, by distill." in card
    scores = json.loads((path / "config.json").read_text("utf-8"))
    assert scores
    model = xlnas_jax.load(path)
    assert {one.label for one in model.predict(["euro", "Peru"])} <= set(model.labels)


def test_its_scores_are_those_of_the_search(run) -> None:
    _, document, path = run
    experiment = prepare(config())
    (part,) = experiment.parts
    test = part.source.read("es", "test")
    predictions = xlnas_jax.load(path).predict(list(test.texts))
    right = [
        one.label == part.task.labels[label]
        for one, label in zip(predictions, test.labels, strict=True)
    ]
    winner = winner_of(document)
    assert winner is not None
    assert winner["languages"]["es"]["accuracy"] == pytest.approx(np.mean(right))


def test_the_error_of_its_target_mean_is_that_of_its_answers(run) -> None:
    _, document, path = run
    (part,), model = prepare(config()).parts, xlnas_jax.load(path)
    ids, right = {}, {}
    for code in document["tasks"]["task"]["roles"]["target"]:
        test = part.source.read(code, "test")
        said = [one.label for one in model.predict(list(test.texts))]
        true = [part.task.labels[label] for label in test.labels]
        ids[code] = list(test.ids)
        right[code] = np.equal(said, true).astype(float)
    winner = winner_of(document)
    assert winner is not None
    found = winner["summary"]["target_error"]
    assert found == pytest.approx(standard_error(ids, right), abs=1e-6)
    assert found > 0


def test_a_killed_end_trains_none_of_them_again(run, monkeypatch) -> None:
    folder, _, _ = run
    whole = (folder / "front.json").read_bytes()
    (folder / "front.json").unlink()

    def forbidden(*_: object) -> None:
        raise AssertionError("a finalist was trained again")

    monkeypatch.setattr(alone, "init_learner", forbidden)
    run_search(config(), folder)
    assert (folder / "front.json").read_bytes() == whole


def test_one_network_that_stands_for_several_is_tested_once(run, monkeypatch) -> None:
    folder, document, _ = run
    names = [one["name"] for one in document["finalists"]["networks"]]
    others = [*document["points"], *document["baselines"].values()]
    asked: list[int] = []

    def count(experiment: Experiment, networks: list, *tell: Report) -> finish.Tested:
        asked.append(len(networks))
        return finish.report(experiment, networks, *tell)

    monkeypatch.setattr(conclude, "report", count)
    (folder / "front.json").unlink()
    run_search(config(), folder)
    assert len(set(names)) < len(names)
    assert asked == [len(set(names)) + sum("languages" in one for one in others)]


@pytest.mark.slow
def test_one_that_is_lost_is_trained_to_the_same_bits(run, monkeypatch) -> None:
    folder, document, _ = run
    whole = (folder / "front.json").read_bytes()
    (folder / "front.json").unlink()
    lost = folder / train.FOLDER / document["finalists"]["networks"][0]["name"]
    for file in lost.rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
            break
    run_search(config(), folder)
    assert (folder / "front.json").read_bytes() == whole


@pytest.mark.slow
def test_any_of_them_can_be_exported_later(run, tmp_path) -> None:
    folder, document, _ = run
    smallest = min(
        (one for one in document["finalists"]["networks"] if one["kind"] == "found"),
        key=lambda one: one["costs"]["params"],
    )
    out = export_run(folder, "smallest", tmp_path / "out")
    assert smallest["id"] in (out / "README.md").read_text("utf-8")
    assert np.isfinite(xlnas_jax.load(out).predict(["euro"])[0].probability)
