"""`predict` and `evaluate` on exported models of every kind, as a user runs them."""

import json

import pytest

from xlnas_jax.cli.main import run
from xlnas_jax.export.artifact.artifact import Artifact, save_artifacts


@pytest.fixture(scope="module")
def models(subnet, tagger, reader, card, tmp_path_factory):
    networks = {"classify": subnet, "tag": tagger, "answer": reader}
    artifacts = {name: Artifact(one, {}, card) for name, one in networks.items()}
    return save_artifacts(tmp_path_factory.mktemp("exported") / "model", artifacts)


def predict(model, text: str, tmp_path, capsys, *options: str) -> list[dict]:
    file = tmp_path / "input.txt"
    file.write_text(text, encoding="utf-8")
    assert run(["predict", str(model), str(file), *options]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def fails(arguments: list[str], capsys) -> str:
    assert run(arguments) == 2
    return capsys.readouterr().err


def test_words_of_a_line_are_tagged(models, tagger, tmp_path, capsys):
    lines = predict(models / "tag", "old  river\n\ncity\n", tmp_path, capsys)

    expected = tagger.predict(["old river", "", "city"])
    assert [tuple(line["tags"]) for line in lines] == [one.tags for one in expected]
    assert lines[0]["words"] == ["old", "river"]
    for line, one in zip(lines, expected, strict=True):
        assert line["entities"] == [entity._asdict() for entity in one.entities]
    assert any(line["entities"] for line in lines)


def test_a_language_can_be_named(models, tagger, tmp_path, capsys):
    text = "old river of many new people"

    (line,) = predict(models / "tag", text, tmp_path, capsys, "--language", "en")

    (expected,) = tagger.predict([text], language="en")
    assert tuple(line["tags"]) == expected.tags
    assert expected.tags != tagger.predict([text])[0].tags


def test_a_line_asks_a_question_of_a_context(models, reader, tmp_path, capsys):
    asked = {"question": "who", "context": "old people walk by the river"}

    (line,) = predict(models / "answer", json.dumps(asked), tmp_path, capsys)

    (expected,) = reader.predict(["who"], [asked["context"]])
    assert (line["text"], line["start"]) == (expected.text, expected.start)
    assert line["score"] == pytest.approx(expected.score, abs=1e-4)


@pytest.mark.parametrize(
    "bad",
    ["who?", "[1]", '{"question": "who"}', '{"question": "who", "context": " "}'],
)
def test_a_line_that_asks_nothing_is_named(models, tmp_path, capsys, bad):
    file = tmp_path / "questions.jsonl"
    good = '{"question": "who", "context": "old people"}'
    file.write_text(f"{good}\n{bad}\n")

    message = fails(["predict", str(models / "answer"), str(file)], capsys)

    assert f"{file}, line 2: must be a JSON object" in message


def test_pairs_of_texts_stand_on_one_line(models, subnet, tmp_path, capsys):
    (line,) = predict(models / "classify", "old\tnew", tmp_path, capsys, "--pairs")

    (expected,) = subnet.predict(["old"], ["new"])
    assert line["scores"] == pytest.approx(expected.scores, abs=1e-6)
    file = tmp_path / "input.txt"
    file.write_text("old\tnew\nold new\n")
    arguments = ["predict", str(models / "classify"), str(file), "--pairs"]
    assert "line 2: must be two texts with a tab" in fails(arguments, capsys)
    arguments[1] = str(models / "tag")
    assert "--pairs: pairs of texts are classified" in fails(arguments, capsys)


def test_a_path_of_several_models_lists_them(models, tmp_path, capsys):
    for command in (["predict", str(models)], ["evaluate", str(models), "--data", "x"]):
        message = fails(command, capsys)
        assert str(models / "answer") in message
        assert str(models / "tag") in message


def test_evaluate_scores_a_file_of_tags(models, tmp_path, capsys):
    file = tmp_path / "tags.txt"
    file.write_text("1 old O\n2 river B-LOC\n\n1 city\n1 city B-LOC\n")
    arguments = ["evaluate", str(models / "tag"), "--data", str(file)]
    arguments += ["--word-column", "1", "--tag-column", "2", "--language", "en"]

    assert "line 4" in fails([*arguments, "--json"], capsys)
    assert run([*arguments, "--json", "--skip-bad-rows"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["en"]["examples"] == 1
    assert scores["en"].keys() >= {"f1", "precision", "recall", "strict_f1", "accuracy"}
    assert run([*arguments, "--skip-bad-rows"]) == 0
    assert "strict_f1" in capsys.readouterr().out
