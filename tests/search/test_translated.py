"""A search whose weights learn from rows beside their translations."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import xlnas_jax
from tests.experiments import tiny_config, warmed_up
from xlnas_jax.config.data import CipherData, CldrData
from xlnas_jax.config.evaluate import EvaluateConfig, TuningConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.filter import FilterConfig
from xlnas_jax.config.methods.translations import IdTranslations
from xlnas_jax.config.methods.xtune import XTuneConfig
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.parts import Experiment, learns_from_teacher
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finalists.document import winner_of
from xlnas_jax.run.run import run_search
from xlnas_jax.search import alone
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import Architecture, ConfigError

LANGUAGES = LanguagesConfig(
    source="en", aux_heldout=("sv",), target=("de",), unlabelled=("sv", "nl")
)
DATA = CipherData(
    {"en": 0.0, "sv": 0.6, "nl": 0.5, "de": 0.9}, base=CldrData(per_class=5)
)


def prepared(method: str, **changes: object) -> Experiment:
    own = {"method": method, "translations": IdTranslations(), **changes}
    train = dataclasses.replace(tiny_config().train, **own)
    finalists = FinalistsConfig(steps=2, learning_rate=1e-3)
    languages = LANGUAGES
    if train.translations is None:
        languages = dataclasses.replace(LANGUAGES, unlabelled=())
    given = {"languages": languages, "data": DATA, "finalists": finalists}
    return prepare(tiny_config(train=train, **given))


@pytest.mark.slow
def test_rows_pass_with_their_translations_from_the_warm_up_to_the_score() -> None:
    experiment = prepared("mixup", pretune_steps=1)
    rows = training_rows(experiment)
    assert all(bucket.other is not None for bucket in rows[0])
    engine, state = make_engine(experiment, rows, heldout_data(experiment))
    state, warm = step(engine, state)
    assert int(state.learner.method["task"].step) == 0  # the warm-up is `finetune`
    state, told = step(engine, state)
    assert np.isfinite([float(warm.loss), float(told.loss)]).all()
    mixed = state.learner.method["task"]
    assert int(mixed.step) == experiment.config.search.weight_steps
    assert (np.abs(np.asarray(mixed.shares - np.asarray([[1.0], [0.0]]))) > 0).all()
    assert told.told is not None and np.isfinite(told.told.objectives[:2]).all()


@pytest.mark.slow
def test_where_texts_meet_is_a_choice_of_every_network(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = prepared("mixup", pretune_steps=1).config
    search = dataclasses.replace(
        base.search, rounds=2, weight_steps=0, finalists=2, control=False
    )
    config = dataclasses.replace(
        base,
        space=dataclasses.replace(base.space, mix=(0, 1)),
        search=search,
        evaluate=EvaluateConfig(form="sliced", tuning=TuningConfig(2, 1e-2)),
    )
    experiment = prepare(config)
    rows = training_rows(experiment)
    _, state = make_engine(experiment, rows, heldout_data(experiment))
    train = alone.make_train_alone(experiment, rows, config.finalists)
    full = np.asarray(experiment.space.num_choices, np.int32) - 1
    column, params = experiment.space.columns("mix").start, state.learner.params
    ends = []
    for chosen in (0, 1):
        row = full.copy()
        row[column] = chosen
        monkeypatch.setattr(alone, "OWN_PROGRAM", 200)
        ends.append(train(params, row))
        monkeypatch.setattr(alone, "OWN_PROGRAM", 1)
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, atol=1e-5),
            ends[-1],
            train(params, row),
        )
    apart = jax.tree.map(lambda one, other: float(abs(one - other).max()), *ends)
    assert max(jax.tree.leaves(apart)) > 1e-5
    monkeypatch.undo()
    document, model = run_search(config, tmp_path / "run")
    found = {tuple(one["architecture"]["mix"]) for one in document["points"]}
    assert found <= {(0,), (1,)}
    winner = winner_of(document)
    assert winner is not None
    card = (model / "README.md").read_text("utf-8")
    (layer,) = winner["architecture"]["mix"]
    told = f"translations saw their rows in layer {layer}"
    assert (told in card) == bool(winner["architecture"]["keep"][layer])
    assert xlnas_jax.load(model).predict(["euro"])


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mixup", "filter", "xtune"])
def test_a_network_is_trained_alone_alike_by_either_program(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = prepared(method)
    rows = training_rows(experiment)
    _, state = make_engine(experiment, rows, heldout_data(experiment))
    space = experiment.space
    row = np.asarray(space.flatten(space.smallest()), np.int32)
    train = alone.make_train_alone(experiment, rows, experiment.config.finalists)
    params = state.learner.params
    first = train(params, row)
    monkeypatch.setattr(alone, "OWN_PROGRAM", 1)
    second = train(params, row)
    moved = 0.0
    for before, one, other in zip(
        *map(jax.tree.leaves, (params, first, second)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)
        moved = max(moved, float(np.abs(np.asarray(one - before)).max()))
    assert moved > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("filter", {"filter": FilterConfig(self_teaching=1.0)}),
        ("xtune", {"xtune": XTuneConfig(teaching=1.0)}),
    ],
)
def test_the_first_stage_says_of_translations_what_the_second_learns(
    method: str, options: dict
) -> None:
    own = {"warm_up_method": method, "pretune_steps": 2, **options}
    experiment = prepared(method, **own)
    plain = prepared("finetune", pretune_steps=2, translations=None)
    assert learns_from_teacher(experiment.config)
    engine, state, (rows, _) = warmed_up(experiment)
    other = warmed_up(plain)[1].learner.params
    pairs = zip(*map(jax.tree.leaves, (state.learner.params, other)), strict=True)
    assert any((one != two).any() for one, two in pairs)  # not by plain fine-tuning
    bucket, part = rows[0][0], experiment.parts[0]
    supernet = make_supernet(experiment.space, experiment.shape)
    params = state.learner.params.of_task(part.name)
    x = supernet.embed(params.encoder.embeddings, bucket.other)
    hidden = supernet.encode_full(params, x, bucket.other)
    arch = experiment.space.largest()
    mean = experiment.space.knob("pooling").choices.index("mean")
    arch = Architecture({**arch.choices, "pooling": jnp.full(1, mean, jnp.int32)})
    expected = supernet.read_out(params, hidden, bucket.other, arch)
    np.testing.assert_allclose(bucket.other.said.logits, expected, atol=1e-5)
    state, told = step(engine, state)
    assert np.isfinite(float(told.loss))


def test_an_exported_network_is_not_trained_by_it() -> None:
    config = prepared("mixup").config
    export = dataclasses.replace(config.export, finetune_steps=3)
    with pytest.raises(ConfigError, match=r"export\.finetune_steps: must be 0.*mixup"):
        prepare(dataclasses.replace(config, export=export))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warm_up_method": "xtune"}, r"warm_up_method: must not be xtune .* mixup"),
        ({"accumulate": 2}, r"accumulate: must be 1 with train\.method mixup"),
    ],
)
def test_rows_stay_beside_their_translations(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        prepared("mixup", **options)
