"""Tagging, question answering and several tasks at once, through whole rounds."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.corpora import LANGUAGES, write_questions, write_tagged
from tests.experiments import RANDOM, tiny_config
from xlnas_jax.config.data import CldrData, SetData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.evaluation.population import make_scoring_supernet
from xlnas_jax.evaluation.predictions import make_predictor
from xlnas_jax.experiment.arrays import heldout_data, scoring_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finish import Rescore, final_front, full_network, report
from xlnas_jax.results.scoring import score_predictions
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.learn import make_plan
from xlnas_jax.search.search import step
from xlnas_jax.types import ConfigError

ROLES = LanguagesConfig(
    source="en", aux_train=("fr",), aux_heldout=("pt", "it"), target=("es", "ca")
)
SPACE = SpaceConfig(heads=(1, 2), ffn=(8, 32))
TOKENS = TokensConfig(max_length=40, doc_stride=12, num_buckets=2, train_buckets=1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora")
    return write_tagged(root / "tagged"), write_questions(root / "questions")


def tagged_data(folder) -> SetData:
    return SetData("conll", path=str(folder))


def question_data(folder) -> SetData:
    return SetData("squad_like", path=str(folder))


def one_task(data, **changes):
    return tiny_config(
        data=data, languages=ROLES, space=SPACE, tokens=TOKENS, **changes
    )


def start(config):
    experiment = prepare(config)
    rows, heldout = training_rows(experiment), heldout_data(experiment)
    return experiment, *make_engine(experiment, rows, heldout)


def run(engine, state, rounds):
    for _ in range(rounds):
        state, metrics = step(engine, state)
    return state, metrics


@pytest.fixture(
    scope="module", params=[0, pytest.param(4, marks=pytest.mark.slow)], ids=str
)
def several(folders, request):
    """A search over three tasks, with output layers of languages in one of them.

    With and without a warm-up, at whose end heads and neurons are sorted by what they
    mean to all tasks.
    """
    tagged, questions = folders
    tasks = {
        "topic": TaskConfig(ROLES, CldrData(per_class=20)),
        "names": TaskConfig(ROLES, tagged_data(tagged), language_heads=True),
        "answers": TaskConfig(ROLES, question_data(questions), weight=2.0),
    }
    config = tiny_config(
        languages=None, data=None, tasks=tasks, space=SPACE, tokens=TOKENS
    )
    train = dataclasses.replace(config.train, pretune_steps=request.param)
    config = dataclasses.replace(config, train=train)
    experiment, engine, state = start(config)
    state, _ = run(engine, state, 4)
    return experiment, engine, state


def test_every_task_is_trained_and_scored_and_one_front_is_kept(several):
    experiment, engine, state = several
    assert [part.task.kind for part in experiment.parts] == [
        "classification",
        "tagging",
        "qa",
    ]
    score = Rescore(experiment, engine, state.learner.params)
    front = final_front(experiment, score, state.archive)
    assert [m["error"].shape[1] for m in front.metrics] == [2, 2, 2]
    mean = np.mean([m["error"].mean(-1) for m in front.metrics], axis=0)
    np.testing.assert_allclose(front.objectives[:, 0], mean, rtol=1e-5)


def test_a_step_of_one_task_leaves_the_other_heads_as_they_were(several):
    experiment, _, state = several
    plan = make_plan(experiment, training_rows(experiment))
    number = int(state.round) * experiment.config.search.weight_steps
    tasks = {plan[n].task for n in range(number)}
    assert tasks == {0, 1, 2}
    start_heads = make_engine(
        experiment, training_rows(experiment), heldout_data(experiment)
    )[1].learner.params.heads
    moved = [
        bool((start_heads[name].output.kernel != head.output.kernel).any())
        for name, head in state.learner.params.heads.items()
    ]
    assert moved == [True, True, True]


def test_languages_have_output_layers_where_they_are_trained_on(several):
    experiment, _, state = several
    heads = state.learner.params.heads
    assert heads["topic"].language is None
    assert experiment.parts[1].own_heads == ("en", "fr")
    assert heads["names"].language.kernel.shape[0] == 2
    assert (np.asarray(heads["names"].language.kernel) != 0).any((1, 2)).all()
    part = experiment.parts[1]
    data = scoring_data(experiment, part, part.roles.all, "test", "report")
    routes = {
        int(language): int(head)
        for batch in data.batches
        for language, head in zip(
            batch.language.ravel(), batch.head.ravel(), strict=True
        )
    }
    assert routes == {0: 0, 1: 1, 2: -1, 3: -1, 4: -1, 5: -1}


def test_official_scores_equal_those_of_the_device(several):
    """Tagging and classification count the same things in both places."""
    experiment, engine, state = several
    params = state.learner.params
    chosen = full_network(experiment, Rescore(experiment, engine, params))
    tested = report(experiment, [(lambda: params, chosen.indices[0])])
    for part in experiment.parts[:2]:
        data = scoring_data(experiment, part, part.roles.aux_heldout, "dev", "search")
        heldout = report_of(experiment, part, data, params, chosen.indices[0])
        index = experiment.parts.index(part)
        names = {"classification": ("accuracy", "macro_f1"), "tagging": ("f1",)}
        for name in names[part.task.kind]:
            found = [scores.metrics[name] for scores in heldout]
            np.testing.assert_allclose(found, chosen.metrics[index][name][0], atol=1e-5)
    columns = {f"{p.name}/{code}" for p in experiment.parts for code in LANGUAGES}
    assert tested.networks[0].keys() == tested.trivial.keys() == columns


def report_of(experiment, part, data, params, row):
    supernet = make_scoring_supernet(experiment)
    predict = make_predictor(supernet, experiment.space, part.task)
    found = predict(params.of_task(part.name), jnp.asarray(row), data.batches)
    return score_predictions(part.task, data, found)


@pytest.mark.slow
def test_tagging_learns_names_that_are_always_names(folders):
    config = one_task(tagged_data(folders[0]))
    train = dataclasses.replace(
        config.train, pretune_steps=150, learning_rate=3e-3, head_learning_rate=3e-3
    )
    search = dataclasses.replace(config.search, rounds=1, weight_steps=150)
    config = dataclasses.replace(config, train=train, search=search, controller=RANDOM)
    experiment, engine, state = start(config)
    state, _ = run(engine, state, 1)
    score = Rescore(experiment, engine, state.learner.params)
    f1 = full_network(experiment, score).metrics[0]["f1"]
    assert f1.mean() > 0.9


@pytest.mark.slow
def test_questions_of_all_languages_are_scored_by_one_program(folders):
    experiment, engine, state = start(one_task(question_data(folders[1])))
    state, _ = run(engine, state, engine.num_warm_up + 1)
    compiled = []

    def heard(event: str, seconds: float, **_: object) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(heard)
    state, _ = run(engine, state, 2)
    jax.block_until_ready(state)
    jax.monitoring.unregister_event_duration_listener(heard)
    assert compiled == []
    (part,) = experiment.parts
    data = scoring_data(experiment, part, part.roles.all, "test", "report")
    # Every language has a context of several windows, and they stand together.
    assert len(data.rows) > sum(len(one) for one in data.examples)
    assert {int(i) for b in data.batches for i in b.language.ravel()} == set(range(6))


def test_pooling_is_no_choice_where_tokens_are_read(folders):
    space = dataclasses.replace(SPACE, pooling=("mean", "max"))
    config = dataclasses.replace(one_task(question_data(folders[1])), space=space)
    with pytest.raises(ConfigError, match=r"space\.pooling.*qa"):
        prepare(config)


def test_one_task_and_several_are_not_given_together():
    config = tiny_config()
    task = TaskConfig(config.languages, config.data)
    with pytest.raises(ConfigError, match="Move them into each task"):
        dataclasses.replace(config, tasks={"one": task})
    with pytest.raises(ConfigError, match="languages: must be given"):
        dataclasses.replace(config, languages=None)
