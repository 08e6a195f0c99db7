"""A model's scores on a file are those of its own predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics import f1_score

from tests.export.conftest import LABELS, sentences
from tests.terminal.heard import Heard
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.artifact.load import load_form
from xlnas_jax.export.evaluation import evaluate_model
from xlnas_jax.export.labelled import read_file
from xlnas_jax.tasks.squad import scores as squad_scores
from xlnas_jax.types import CheckpointError, ConfigError

TEXTS = [text for text in sentences(27) if text]
QUESTION = "who walk by"


def test_accuracy_is_that_of_the_models_predictions(subnet, tmp_path: Path):
    rng = np.random.default_rng(0)
    gold = rng.choice(LABELS, len(TEXTS)).tolist()
    path = tmp_path / "texts.tsv"
    rows = [f"{text}\t{label}" for text, label in zip(TEXTS, gold, strict=True)]
    path.write_text("\n".join(["text\tlabel", *rows]))

    heard = Heard()
    scores = evaluate_model(subnet, read_file(path, subnet, ("en",)), report=heard)

    assert heard.parts("scoring") > 0
    guessed = [one.label for one in subnet.predict(TEXTS)]
    right = np.mean([a == b for a, b in zip(guessed, gold, strict=True)])
    assert scores["en"]["examples"] == len(TEXTS)
    assert scores["en"]["accuracy"] == pytest.approx(right, abs=1e-6)
    assert 0 < right < 1


@pytest.mark.parametrize("code", ["en", "fi"])
def test_entity_f1_is_that_of_the_models_predictions(tagger, tmp_path: Path, code):
    words = [text.split() for text in TEXTS]
    # Another language's tags are the gold ones, so that some are right.
    gold = [list(one.tags) for one in tagger.predict(words, language="sw")]
    tagged = zip(words, gold, strict=True)
    blocks = ["\n".join(map(" ".join, zip(*one, strict=True))) for one in tagged]
    path = tmp_path / "tags.txt"
    path.write_text("\n\n".join(blocks) + "\n")
    parts = read_file(path, tagger, (code,))

    scores = evaluate_model(tagger, parts)[code]

    guessed = [list(one.tags) for one in tagger.predict(words, language=code)]
    assert scores["f1"] == pytest.approx(float(f1_score(gold, guessed)), abs=1e-6)
    assert scores["examples"] == len(TEXTS)
    assert 0 < scores["accuracy"] < 1


def test_answers_are_scored_as_the_model_gives_them(reader, tmp_path: Path):
    contexts = [text for text in TEXTS if len(text) > 60]
    golds = [context.split()[2] for context in contexts]
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": str(number),
                    "question": QUESTION,
                    "answers": [{"text": gold, "answer_start": context.index(gold)}],
                }
            ],
        }
        for number, (context, gold) in enumerate(zip(contexts, golds, strict=True))
    ]
    path = tmp_path / "questions.json"
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))

    scores = evaluate_model(reader, read_file(path, reader))["und"]

    given = reader.predict([QUESTION] * len(contexts), contexts)
    wanted = squad_scores([one.text for one in given], [[gold] for gold in golds])
    assert scores["examples"] == len(contexts) > 3
    assert scores["exact_match"] == pytest.approx(wanted[:, 0].mean(), abs=1e-6)
    assert scores["f1"] == pytest.approx(wanted[:, 1].mean(), abs=1e-6)
    assert scores["f1"] > 0


@pytest.mark.parametrize(
    "task", ["classification", pytest.param("qa", marks=pytest.mark.slow)]
)
def test_a_form_is_scored_as_its_library_runs_it(tiny, tmp_path: Path, task) -> None:
    pytest.importorskip("onnxruntime")
    one = tiny.of(task).subnet(tiny.rows[0])
    given = {"architecture": {}, "card": Written("", {"source": "en"})}
    model = save_artifact(tmp_path / "model", one, **given, forms=("onnx",))
    path = tmp_path / ("data.tsv" if task == "classification" else "data.json")
    if task == "classification":
        rows = [f"{text}\t{LABELS[i % 3]}" for i, text in enumerate(TEXTS)]
        path.write_text("\n".join(["text\tlabel", *rows]))
    else:
        paragraphs = [
            {
                "context": text,
                "qas": [
                    {
                        "id": str(i),
                        "question": QUESTION,
                        "answers": [{"text": text.split()[0], "answer_start": 0}],
                    }
                ],
            }
            for i, text in enumerate(TEXTS)
        ]
        path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    parts = read_file(path, one, ("en",))
    ours = evaluate_model(one, parts)
    assert evaluate_model(one, parts, load_form(model, one, "onnx")) == ours
    # Another network is scored otherwise: it is the form that is run.
    other = tiny.of(task).subnet(tiny.rows[1])
    assert evaluate_model(other, parts) != ours
    assert evaluate_model(other, parts, load_form(model, other, "onnx")) == ours


def test_a_form_that_is_not_there_is_named(subnet, tmp_path: Path) -> None:
    given = {"architecture": {}, "card": Written("", {"source": "en"})}
    model = save_artifact(tmp_path / "model", subnet, **given)
    with pytest.raises(CheckpointError, match="--formats onnx"):
        load_form(model, subnet, "onnx")
    with pytest.raises(ConfigError, match=r"must be hf or .*got 'sentence-tra"):
        load_form(model, subnet, "sentence-transformers")
