"""Searches on tags and questions as commands; faulty rows named, or passed over."""

import json

import pytest

import xlnas_jax
from tests.corpora import write_questions, write_tagged
from xlnas_jax.cli.main import run

COMMON = """
languages: {source: en, aux_train: [fr], aux_heldout: [pt], target: [es, ca]}
tokens: {max_length: 40, doc_stride: 12, num_buckets: 1, train_buckets: 1}
model: {kind: scratch, layers: 2, width: 16, heads: 2, ffn: 32, vocab_size: 80}
space: {heads: [1, 2], ffn: [8, 32]}
train: {batch_size: 8, num_random: 1}
search: {rounds: 1, weight_steps: 2, population: 3, control: false}
"""


def write_config(folder, name: str, data) -> str:
    path = folder / f"{name}.yaml"
    text = f"data: {{kind: set, name: {name}, path: {data}}}\n{COMMON}"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def tagged(tmp_path):
    return write_config(tmp_path, "conll", write_tagged(tmp_path / "conll", num=8))


@pytest.fixture
def questions(tmp_path):
    folder = write_questions(tmp_path / "squad_like", num=6)
    return write_config(tmp_path, "squad_like", folder)


def search(config, tmp_path, *more: str) -> int:
    return run(["search", config, "--run-dir", str(tmp_path / "run"), *more])


def fails(capsys) -> str:
    """The one paragraph on standard error; nothing else was printed."""
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("xlnas: ")]
    lines = [line for line in lines if "warning:" not in line]
    assert len(lines) == 1 and captured.out == "" and "Traceback" not in captured.err
    return lines[0]


@pytest.mark.slow
def test_tags_are_searched_shown_exported_and_predicted(tagged, tmp_path, capsys):
    assert search(tagged, tmp_path) == 0
    printed = capsys.readouterr().out
    assert "entity F1" in printed and "tag by word" in printed
    model = tmp_path / "run" / "model"
    (found,) = xlnas_jax.load(model).predict(["ana went to quito"])
    assert found.words == ("ana", "went", "to", "quito")
    assert len(found.tags) == 4
    assert run(["evaluate", str(model), "--data", tagged, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    document = json.loads((tmp_path / "run" / "front.json").read_text())
    assert scores["es"]["f1"] == document["points"][0]["languages"]["es"]["f1"]


@pytest.mark.slow
def test_questions_are_searched_shown_exported_and_answered(
    questions, tmp_path, capsys
):
    assert search(questions, tmp_path) == 0
    printed = capsys.readouterr().out
    assert "mean of F1 and exact match" in printed and "sentence" in printed
    model = tmp_path / "run" / "model"
    context = "bo left the river to rabat"
    (found,) = xlnas_jax.load(model).predict(["where to"], contexts=[context])
    assert context[found.start : found.start + len(found.text)] == found.text
    lines = tmp_path / "questions.jsonl"
    lines.write_text(json.dumps({"question": "where to", "context": context}))
    assert run(["predict", str(model), str(lines)]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == found.text


def test_a_tag_outside_the_set_is_named_or_passed_over(tagged, tmp_path, capsys):
    path = tmp_path / "conll" / "pt" / "dev.txt"
    path.write_text(path.read_text() + "\nlua B-MOON\n", encoding="utf-8")
    number = len(path.read_text().splitlines())
    assert search(tagged, tmp_path) == 2
    message = fails(capsys)
    assert "pt/dev.txt" in message and "B-MOON" in message and "skip-bad" in message
    assert f"line {number}" in message
    assert search(tagged, tmp_path, "--skip-bad-rows", "--dry-run") == 0
    assert "pt, dev: 1 of 9 rows" in capsys.readouterr().err


def test_an_answer_outside_its_context_is_named_or_passed_over(
    questions, tmp_path, capsys
):
    path = tmp_path / "squad_like" / "train.en.json"
    content = json.loads(path.read_text())
    content["data"][0]["paragraphs"][2]["qas"][0]["answers"][0]["text"] = "zanzibar"
    path.write_text(json.dumps(content))
    assert search(questions, tmp_path) == 2
    message = fails(capsys)
    assert "train.en.json" in message and "q2" in message and "zanzibar" in message
    assert search(questions, tmp_path, "--skip-bad-rows", "--dry-run") == 0
    assert "en, train: 1 of 6 rows" in capsys.readouterr().err


def test_a_file_of_another_format_is_named(questions, tmp_path, capsys):
    path = tmp_path / "squad_like" / "train.en.json"
    path.write_text("id\tquestion\n1\twho\n")
    assert search(questions, tmp_path) == 2
    assert "train.en.json" in fails(capsys)


def test_describe_counts_the_rows_of_every_language(tagged, capsys):
    assert run(["describe", tagged]) == 0
    printed = capsys.readouterr().out
    assert "over the limit" in printed and "quirks" in printed
