"""Named data sets of question answering: every file, read whole."""

import json
from collections import Counter
from pathlib import Path

import pytest

from xlnas_jax.config.data import SetData
from xlnas_jax.data.named import make_set_source
from xlnas_jax.data.sets.registry import find
from xlnas_jax.languages.codes import normalise


def entry(shared: Path, name: str) -> dict:
    index = json.loads((shared / "data/INDEX.json").read_text())
    return next(item for item in index["datasets"] if item["name"] == name)


def listed(shared: Path, name: str) -> dict[tuple[str, str], dict]:
    """What the index says of each language and split."""
    return {
        (normalise(language["iso639_3"]), split): found
        for language in entry(shared, name)["languages"]
        for split, found in language["splits"].items()
    }


@pytest.mark.parametrize("name", ["xquad", "tydiqa_goldp", "afriqa"])
def test_kept_and_left_out_rows_equal_the_index(shared: Path, name: str) -> None:
    source = make_set_source(
        SetData(name, path=str(shared / "data" / name)), "en", False
    )
    expected = listed(shared, name)
    rows, beside = {}, {}
    for code, split in expected:
        report = source.read(code, split).report
        left_out = sum(n for kind, n in report.notes.items() if "left out" in kind)
        assert report.rows == report.kept + left_out
        rows[code, split] = report.rows
        no_passage = report.notes.get("no passage, left out", 0)
        beside[code, split] = sum(report.notes.values()) - no_passage
        assert report.rejected == {}
    assert rows == {key: found["rows"] for key, found in expected.items()}
    assert beside == {
        k: found.get("offset_mismatch", 0) for k, found in expected.items()
    }
    assert set(source.languages()) == {code for code, _ in expected}
    assert source.task == "qa"
    assert source.labels == ()


def test_xquad_is_parallel_by_id(shared: Path) -> None:
    source = make_set_source(
        SetData("xquad", path=str(shared / "data/xquad")), "en", False
    )
    ids = {source.read(code, "test").ids for code in source.languages()}
    assert len(ids) == 1


def test_tydiqa_reports_on_dev(shared: Path) -> None:
    path = str(shared / "data/tydiqa_goldp")
    source = make_set_source(SetData("tydiqa_goldp", path=path), "en", False)
    assert source.read("sw", "test").ids == source.read("sw", "dev").ids
    assert len(source.read("en", "train")) == 3696


def test_afriqa_tells_the_language_of_the_passages(shared: Path) -> None:
    path = str(shared / "data/afriqa")
    source = make_set_source(SetData("afriqa", path=path), "ha", False)
    notes: Counter[str] = Counter()
    contexts = {}
    for code in source.languages():
        examples = source.read(code, "test")
        contexts[examples.language] = examples.context_language
        notes.update(examples.report.notes)
        for context, answers in zip(examples.contexts, examples.answers, strict=True):
            assert all(context.startswith(text, start) for text, start in answers)
    assert contexts == {"fon": "fr", "ha": "en", "yo": "en", "zu": "en"}
    assert notes == {
        "answer is no span of the passage, left out": 100,
        "answer missing or in doubt, left out": 11,
        "answer offset corrected": 4,
        "no passage, left out": 1,
    }


def test_mlqa_and_squad_files_are_found(tmp_path: Path) -> None:
    question = {"id": "1", "question": "Who?"}
    question["answers"] = [{"text": "Jill", "answer_start": 0}]
    paragraph = {"context": "Jill fell.", "qas": [question]}
    content = json.dumps({"data": [{"paragraphs": [paragraph]}]})
    for name in (
        "dev/dev-context-de-question-de.json",
        "dev/dev-context-de-question-en.json",  # another task
        "test/test-context-zh-question-zh.json",
        "train-v1.1.json",
        "dev-v1.1.json",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    mlqa = make_set_source(SetData("mlqa", path=str(tmp_path)), "en", False)
    assert mlqa.languages() == ("de", "zh")
    assert len(mlqa.read("de", "dev")) == 1
    squad = make_set_source(SetData("squad", path=str(tmp_path)), "en", False)
    assert squad.languages() == ("en",)
    assert len(squad.read("en", "train")) == len(squad.read("en", "test")) == 1


@pytest.mark.parametrize("name", ["squad", "xquad", "mlqa", "tydiqa_goldp", "afriqa"])
def test_a_set_says_what_a_reader_must_know(name: str) -> None:
    data_set = find(name)
    assert data_set.task == "qa"
    assert data_set.source.startswith("https://")
    assert all((data_set.licence, data_set.paper, data_set.files, data_set.quirks))
