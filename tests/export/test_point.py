"""A point of the front is picked by its name, its rank or its id."""

import dataclasses
import json

import numpy as np
import pytest

from tests.export.tasks import chosen_row, document, noisy_params, three_tasks
from xlnas_jax.config.data import FileData, HubData, MixData, SetData, TableData
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.export.artifact.facts import _data_name
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.monitored import read_reference
from xlnas_jax.export.params import count_params
from xlnas_jax.export.point import export_point, pick_point
from xlnas_jax.space.cost import CostModel
from xlnas_jax.types import ConfigError


def point(identifier: str, error: float, flops: int, params: int) -> dict:
    objectives = {"error": error, "flops": flops}
    return {"id": identifier, "objectives": objectives, "costs": {"params": params}}


FRONT = {
    "objectives": ["error", "flops"],
    "points": [
        point("large", 0.10, 1000, 900),
        point("middle", 0.20, 200, 300),
        point("light", 0.50, 100, 400),
    ],
}


@pytest.mark.parametrize(
    ("choice", "identifier"),
    [
        ("best", "large"),
        ("knee", "middle"),
        # Fewest parameters, which need not be fewest operations.
        ("smallest", "middle"),
        ("light", "light"),
    ],
)
def test_a_choice_names_its_point(choice, identifier):
    assert pick_point(FRONT, choice)["id"] == identifier


def test_the_knee_does_not_depend_on_the_units_of_an_objective():
    points = [
        {
            **p,
            "objectives": {**p["objectives"], "flops": p["objectives"]["flops"] * 1e9},
        }
        for p in FRONT["points"]
    ]
    assert pick_point({**FRONT, "points": points}, "knee")["id"] == "middle"


@pytest.mark.parametrize("choice", ["best", "knee", "smallest"])
def test_a_front_of_one_point_has_only_that(choice):
    front = {**FRONT, "points": FRONT["points"][1:2]}
    assert pick_point(front, choice)["id"] == "middle"


def test_an_unknown_id_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"got 'huge'.*'large', 'middle', 'light'"):
        pick_point(FRONT, "huge")


def export(experiment: Experiment, out, **changes):
    front = document()
    chosen = {**front["points"][0], **changes}
    return export_point(experiment, noisy_params(), front, chosen, out)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    config = dataclasses.replace(three_tasks().config, export=ExportConfig())
    experiment = dataclasses.replace(three_tasks(), config=config)
    return export(experiment, tmp_path_factory.mktemp("exported") / "model")


def test_every_task_keeps_what_its_network_makes_of_texts_of_the_run(exported):
    quantities = {"tokens", "unknown", "script"}
    more = {"classification": {"label", "confidence"}, "tagging": {"label"}}
    for part in three_tasks().parts:
        found = read_reference(exported / part.name)
        assert found.texts > 10
        wanted = quantities | more.get(part.name, {"confidence"})
        assert {*found.counts} == wanted
        counted = {name: sum(bins.values()) for name, bins in found.counts.items()}
        assert {counted[name] for name in quantities} == {found.texts}


@pytest.mark.slow
def test_every_task_gets_an_artifact_of_its_own(exported):
    assert sorted(path.name for path in exported.iterdir()) == [
        "classification",
        "qa",
        "tagging",
    ]
    for part in three_tasks().parts:
        model = load(exported / part.name)
        assert (model.task, model.labels) == (part.task.kind, part.task.labels)
        assert model.own_heads == part.own_heads
    assert load(exported / "qa").doc_stride == 6


def test_an_artifacts_costs_are_those_of_its_own_head(exported):
    row = np.asarray([chosen_row()], np.int32)
    experiment = three_tasks()
    together = int(experiment.costs(row)["params"][0])
    for part in experiment.parts:
        file = exported / part.name / "architecture.json"
        costs = json.loads(file.read_text())["costs"]
        alone = CostModel(
            experiment.space,
            experiment.shape,
            (part.head_size,),
            experiment.costs.length,
        )
        assert costs["params"] == int(alone(row)["params"][0]) < together
        assert costs["params"] == count_params(load(exported / part.name).weights)


def test_a_card_has_the_scores_languages_and_licence_of_its_task(exported):
    point = document()["points"][0]
    for part in three_tasks().parts:
        text = (exported / part.name / "README.md").read_text()
        assert text.count("| eng | source |") == 1
        assert f"{part.name}/" not in text
        assert f"# {point['id']}: {part.task.kind} found" in text
        score = point["languages"][f"{part.name}/sw"][part.task.primary]
        assert f"{score:.3f}" in text
        assert f"a baseline ({part.task.primary})" in text
        assert f"invented {part.name} (licence: CC0-1.0)" in text
        config = json.loads((exported / part.name / "config.json").read_text())
        assert config["languages"]["source"] == "eng"
    text = (exported / "classification" / "README.md").read_text()
    assert '["what stands beside it"]' in text


def test_a_search_on_one_task_writes_one_artifact(tmp_path):
    experiment = three_tasks()
    part = experiment.parts[1]
    alone = dataclasses.replace(
        experiment,
        parts=(part,),
        costs=dataclasses.replace(experiment.costs, heads=(part.head_size,)),
    )
    front = document()
    scores = {
        key.removeprefix("tagging/"): value
        for key, value in front["points"][0]["languages"].items()
        if key.startswith("tagging/")
    }

    path = export(alone, tmp_path / "model", languages=scores)

    assert load(path).task == "tagging"
    assert f"{scores['sw']['accuracy']:.3f}" in (path / "README.md").read_text()


def test_a_network_that_was_not_tested_is_tested_now(exported, tmp_path):
    path = export(three_tasks(), tmp_path / "model", languages={})

    for part in three_tasks().parts:
        texts = [
            (one / part.name / "README.md").read_text() for one in (exported, path)
        ]
        assert texts[0] == texts[1]


@pytest.mark.slow
def test_a_fine_tuned_network_is_scored_again(exported, tmp_path):
    settings = ExportConfig(finetune_steps=6, finetune_learning_rate=1e-2)
    experiment = three_tasks()
    config = dataclasses.replace(experiment.config, export=settings)

    path = export(dataclasses.replace(experiment, config=config), tmp_path / "model")

    text = (path / "tagging" / "README.md").read_text()
    assert "6 updates of this network alone" in text
    before = (exported / "tagging" / "README.md").read_text()
    scores = [
        [line for line in one.splitlines() if line.startswith("| eng |")]
        for one in (before, text)
    ]
    assert scores[0] != scores[1]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (SetData("xnli"), "xnli"),
        (MixData((SetData("sib200"), SetData("taxi1500"))), "sib200 + taxi1500"),
        (TableData("texts/{split}.tsv"), "texts/{split}.tsv"),
        (TableData("folder", preset="sib200"), "sib200"),
        (TableData("/home/me/texts/{lang}/{split}.tsv"), "texts/{lang}/{split}.tsv"),
        (TableData("/home/me/{split}.tsv"), "me/{split}.tsv"),
        (TableData("~/texts/{split}.tsv"), "texts/{split}.tsv"),
        (FileData("/home/me/all.tsv"), "all.tsv"),
        (HubData("/data/hub/afrisenti"), "afrisenti"),
        (HubData("shmuhammad/afrisenti"), "shmuhammad/afrisenti"),
    ],
)
def test_data_are_called_by_their_names(data, expected):
    assert _data_name(data) == expected
