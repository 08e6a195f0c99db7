"""Three tasks at once are distilled on text without labels, and have finalists."""

import dataclasses

import jax
import numpy as np
import pytest

import xlnas_jax
from tests.corpora import write_questions, write_tagged
from tests.experiments import RANDOM, tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import CldrData, SetData
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.config.texts import LineTexts, OwnTexts
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.run import run_search
from xlnas_jax.search.engine import make_engine, with_teacher
from xlnas_jax.search.search import step

ROLES = LanguagesConfig(
    source="en",
    aux_heldout=("pt", "it"),
    target=("es",),
    unlabelled=("pt", "it", "nl"),
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    root = tmp_path_factory.mktemp("corpora")
    tagged = SetData("conll", path=str(write_tagged(root / "tagged")))
    questions = SetData("squad_like", path=str(write_questions(root / "questions")))
    lines = [f"the old river saw {word}" for word in "abcdefghijkl"]
    (root / "nl.txt").write_text("\n".join(lines) + "\n", "utf-8")
    texts = (OwnTexts(), LineTexts(f"{root}/{{language}}.txt"))
    tasks = {
        "topic": TaskConfig(ROLES, CldrData(per_class=20), texts=texts),
        "names": TaskConfig(ROLES, tagged, texts=texts, language_heads=True),
        "answers": TaskConfig(ROLES, questions, texts=texts),
    }
    base = tiny_config(controller=RANDOM, languages=None, data=None, tasks=tasks)
    return dataclasses.replace(
        base,
        space=SpaceConfig(heads=(1, 2), ffn=(8, 32)),
        tokens=TokensConfig(max_length=40, doc_stride=12, num_buckets=2),
        train=dataclasses.replace(base.train, method="distill", kd_vector=1.0),
        search=dataclasses.replace(
            base.search, rounds=1, objectives=("divergence", "flops"), finalists=2
        ),
        finalists=FinalistsConfig(
            steps=3, budgets=(0.75,), controls=("uniform",), by="divergence"
        ),
    )


@pytest.mark.slow
def test_every_task_has_text_of_every_language_and_learns_from_it(config) -> None:
    experiment = prepare(config)
    data = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, *data)
    for _ in range(engine.num_warm_up):
        state, _ = step(engine, state)
    engine, state, (rows, heldout) = with_teacher(experiment, engine, state, *data)
    for part, own, scored in zip(experiment.parts, rows, heldout, strict=True):
        languages = np.concatenate([np.asarray(bucket.language) for bucket in own])
        labelled = np.concatenate([np.asarray(bucket.labelled) for bucket in own])
        found = {part.roles.every[n] for n in languages[labelled == 0]}
        # Names of the Unicode CLDR know Dutch too; the other data do not.
        assert found == {"pt", "it", "nl"}
        assert {part.roles.every[n] for n in languages[labelled == 1]} == {"en"}
        assert all(np.isfinite(bucket.said.logits).all() for bucket in own)
        assert scored.texts and all(one.said is not None for one in scored.scored)
    before = jax.tree.map(np.array, state.learner.params)
    state, metrics = step(engine, state)
    assert metrics.told is not None
    assert np.isfinite(metrics.told.objectives).all()
    for name, head in state.learner.params.heads.items():
        moved = np.asarray(head.output.kernel) != before.heads[name].output.kernel
        assert moved.any() or name != "topic"


@pytest.mark.slow
def test_a_whole_search_exports_a_finalist_of_every_task(config, tmp_path) -> None:
    document, path = run_search(config, tmp_path / "run")
    assert {one["kind"] for one in document["finalists"]["networks"]} == {
        "found",
        "uniform",
    }
    for name, task in document["tasks"].items():
        assert task["roles"]["unlabelled"] == [
            f"{name}/{c}" for c in ("pt", "it", "nl")
        ]
        xlnas_jax.load(path / name)
    point = document["points"][0]
    assert point["selection"]["names/nl"].keys() == {"divergence"}
    assert "f1" in point["selection"]["names/pt"]
