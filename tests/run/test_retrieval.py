"""Searches on translations: with pairs to learn from, and without any label."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import xlnas_jax
from tests.data.tokens.trimming.material import trained
from tests.experiment.encoders import save_encoder
from tests.experiments import RANDOM, tiny_config
from xlnas_jax.alignment.measures.retrieval import retrieval
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import DartsController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.data import CldrData, PairsData
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.config.reading.file import dump_config
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.examples import PairExamples
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.export.evaluation import evaluate_model
from xlnas_jax.export.labelled import read_config, read_file
from xlnas_jax.export.trim import trim_subnet
from xlnas_jax.results.finalists.document import winner_of
from xlnas_jax.run import again
from xlnas_jax.run.again import export_run
from xlnas_jax.run.run import run_search
from xlnas_jax.types import ConfigError, DataError

NAMES = CldrData(per_class=20)
DATA = PairsData((NAMES,), dev=(NAMES,), test=(NAMES,))
TEXTS = ["Deutschland", "Allemagne", "yen"]


def with_pairs() -> Config:
    base = tiny_config(data=DATA, controller=RANDOM)
    search = dataclasses.replace(base.search, rounds=2)
    return dataclasses.replace(base, search=search)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("pairs") / "run"
    return run_search(with_pairs(), folder)


def test_a_search_learns_from_pairs_and_is_told_by_hits(learnt) -> None:
    document, _ = learnt
    task = document["tasks"]["task"]
    assert (task["kind"], task["primary"], task["labels"]) == (
        "retrieval",
        "p_at_1",
        [],
    )
    rows = task["rows"]["test"]
    assert task["trivial"]["scores"]["es"] == pytest.approx(
        1 / rows["es"]["kept"], abs=1e-5
    )
    for point in document["points"]:
        for scores in point["languages"].values():
            assert 0.0 <= scores["p_at_1"] <= 1.0
            both = (scores["to_source"] + scores["from_source"]) / 2
            assert scores["p_at_1"] == pytest.approx(both, abs=1e-5)
    best = document["points"][0]
    assert best["languages"]["en"]["p_at_1"] == pytest.approx(1.0)
    assert best["selection"]["pt"]["p_at_1"] > 1 / 20


def test_the_exported_network_gives_vectors(learnt) -> None:
    _, path = learnt
    model = xlnas_jax.load(path)
    vectors = model.vectors(TEXTS)
    assert vectors.shape == (3, 16) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    found = model.predict(TEXTS)
    assert [one.vector for one in found] == [tuple(row) for row in vectors.tolist()]
    assert model.vectors([]).shape == (0, 16) and model.predict([]) == []
    assert json.loads((path / "config.json").read_text())["task"] == "retrieval"
    card = (path / "README.md").read_text()
    assert "pipeline_tag: sentence-similarity" in card
    assert "near to those of its translations" in card
    with pytest.raises(DataError, match="pairs belong to classification"):
        model.predict(TEXTS, TEXTS)
    with pytest.raises(DataError, match="only a text that is classified"):
        model.logits(TEXTS)


def test_what_it_scores_is_what_the_search_said(learnt, tmp_path: Path) -> None:
    document, path = learnt
    file = tmp_path / "data.yaml"
    file.write_text(dump_config(with_pairs()))
    model = xlnas_jax.load(path)
    scores = evaluate_model(model, read_config(file, model, ("es", "pt")))
    exported = json.loads((path / "architecture.json").read_text())["id"]
    (point,) = [one for one in document["points"] if one["id"] == exported]
    for code, found in scores.items():
        for name in ("p_at_1", "to_source", "from_source", "mining_f1"):
            assert found[name] == pytest.approx(point["languages"][code][name])
    with pytest.raises(ConfigError, match="scored on translations"):
        read_file(tmp_path / "texts.tsv", model)


@pytest.mark.slow
def test_means_of_languages_are_exported_and_taken_away_where_one_is_named(
    learnt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = learnt[1]
    given = dataclasses.replace(
        with_pairs(),
        languages=dataclasses.replace(with_pairs().languages, unlabelled=("pt",)),
        export=ExportConfig(center=True),
    )
    monkeypatch.setattr(again, "read_config", lambda _: given)
    out = export_run(path.parent, "best", tmp_path / "centred")
    plain, model = xlnas_jax.load(path), xlnas_jax.load(out)
    assert model.centers is not None
    # Of targets, and of what only scores, no text is read.
    assert model.centers.codes == ("en", "fr", "pt")
    (part,) = prepare(given).parts
    french = part.source.read("fr", "train")
    own = plain.vectors(french.texts)
    expected = own - own.mean(0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    texts = french.texts[:5]
    found = model.vectors(texts, language="fra")
    np.testing.assert_allclose(found, expected[:5], atol=1e-5)
    assert [one.vector for one in model.predict(texts, language="fr")] == [
        tuple(row) for row in found.tolist()
    ]
    for language in (None, "es"):
        same = model.vectors(texts, language=language)
        np.testing.assert_array_equal(same, plain.vectors(texts))
    small = trim_subnet(model, {"texts": list(french.texts)}).subnet
    np.testing.assert_allclose(small.vectors(texts, language="fr"), found, atol=1e-5)
    assert "taken away from the vectors" in (out / "README.md").read_text()

    file = tmp_path / "data.yaml"
    file.write_text(dump_config(given))
    parts = read_config(file, model, ("pt", "es"))
    scores, before = evaluate_model(model, parts), evaluate_model(plain, parts)
    assert scores["es"] == before["es"]
    portuguese = parts["pt"]
    assert isinstance(portuguese, PairExamples)
    sides = (("pt", portuguese.texts), ("en", portuguese.translations))
    ours, theirs = (model.vectors(own, language=code) for code, own in sides)
    p_at_1 = retrieval(ours, theirs)
    assert scores["pt"]["p_at_1"] == pytest.approx(p_at_1, abs=1e-6)


def without_labels(folder: Path) -> Config:
    """Distilled from a pretrained encoder as it is, on text alone."""
    save_encoder(folder / "encoder", "xlm-roberta", trained("Unigram"))
    base = tiny_config(controller=RANDOM)
    return dataclasses.replace(
        base,
        data=DATA,
        languages=dataclasses.replace(
            base.languages, aux_train=(), unlabelled=("pt", "nl")
        ),
        model=PretrainedModel(str(folder / "encoder")),
        space=SpaceConfig(heads=(1, 2, 3), ffn=(12, 36)),
        constraints=ConstraintsConfig(),
        train=dataclasses.replace(base.train, method="distill", pretune_steps=0),
        search=dataclasses.replace(
            base.search,
            rounds=2,
            weight_steps=0,
            finalists=3,
            objectives=("divergence", "flops"),
        ),
        finalists=FinalistsConfig(
            steps=8,
            learning_rate=3e-3,
            budgets=(0.75, 0.5),
            controls=("bottom", "taylor", "influence"),
            by="divergence",
        ),
    )


@pytest.mark.slow
def test_a_search_needs_no_labels(tmp_path: Path) -> None:
    config = without_labels(tmp_path)
    document, path = run_search(config, tmp_path / "run")
    winner = winner_of(document)
    assert winner is not None
    full = document["baselines"]["full"]
    # It is held against itself, as it was.
    assert full["objectives"]["divergence"] == pytest.approx(0.0, abs=1e-5)
    networks = document["finalists"]["networks"]
    assert {one["kind"] for one in networks} == {
        "found",
        "bottom",
        "taylor",
        "influence",
    }
    before, after = (
        np.mean([one["objectives"]["divergence"] for one in ends])
        for ends in ([one["before"] for one in networks], networks)
    )
    assert after < before
    assert winner["selection"]["nl"].keys() == {"divergence"}
    assert xlnas_jax.load(path).vectors(TEXTS).shape == (3, 24)


def test_what_translations_cannot_do_is_refused(tmp_path: Path) -> None:
    config = without_labels(tmp_path)
    train = dataclasses.replace(config.train, pretune_steps=4)
    with pytest.raises(ConfigError, match="pretune_steps: must be 0"):
        prepare(dataclasses.replace(config, train=train))
    train = dataclasses.replace(config.train, method="finetune")
    languages = dataclasses.replace(config.languages, unlabelled=())
    search = dataclasses.replace(config.search, objectives=("error", "flops"))
    alone = dataclasses.replace(config, languages=languages, search=search)
    finalists = dataclasses.replace(config.finalists, by="error")
    with pytest.raises(ConfigError, match="finetune learns from translations"):
        prepare(dataclasses.replace(alone, train=train, finalists=finalists))
    base = with_pairs()
    with pytest.raises(ConfigError, match="follows the loss of single rows"):
        prepare(dataclasses.replace(base, controller=DartsController()))
    heard = dataclasses.replace(base.languages, unlabelled=("pt", "nl"))
    train = dataclasses.replace(base.train, method="adversarial")
    with pytest.raises(ConfigError, match="adversarial tells rows of languages apart"):
        prepare(dataclasses.replace(base, languages=heard, train=train))
    train = dataclasses.replace(base.train, accumulate=2)
    with pytest.raises(ConfigError, match=r"train\.accumulate: must be 1 where a tran"):
        prepare(dataclasses.replace(base, train=train))
    finalists = dataclasses.replace(base.finalists, patience=2)
    with pytest.raises(ConfigError, match=r"finalists\.patience: must be 0"):
        prepare(dataclasses.replace(base, finalists=finalists))
    train = dataclasses.replace(base.train, tunes="head")
    with pytest.raises(ConfigError, match=r"train\.tunes: must not be head"):
        prepare(dataclasses.replace(base, train=train))
    heads = dataclasses.replace(base, language_heads=True)
    with pytest.raises(ConfigError, match="language_heads"):
        prepare(heads)
    search = dataclasses.replace(base.search, objectives=("transfer_loss", "flops"))
    with pytest.raises(ConfigError, match="gap_weight: must be 0"):
        prepare(dataclasses.replace(base, search=search))
