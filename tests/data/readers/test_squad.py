"""SQuAD's format: sound files are read whole, bad ones are told by question."""

import json
import unicodedata
from pathlib import Path

import pytest

from xlnas_jax.data.examples import Answer
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.squad import read_squad
from xlnas_jax.types import DataError

CONTEXT = "Jill fell in 1947."


def question(key: str = "q1", **changes) -> dict:
    answer = {"text": "1947", "answer_start": 13}
    return {"id": key, "question": "When?", "answers": [answer], **changes}


def squad(*questions: object, context: object = CONTEXT) -> dict:
    return {"data": [{"paragraphs": [{"context": context, "qas": list(questions)}]}]}


def write(folder: Path, content: object) -> str:
    path = folder / "data.json"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_questions_come_in_file_order_with_all_answers(tmp_path: Path) -> None:
    two = [
        {"text": "1947", "answer_start": 13},
        {"text": "in 1947", "answer_start": 10},
    ]
    content = squad(question("a"), question("b", answers=two))
    content["data"] += squad(question("7"), context="Of 1947.... 1947")["data"]
    faults = Faults()
    rows = read_squad(write(tmp_path, content), faults)
    assert [row.id for row in rows] == ["a", "b", "7"]
    assert rows[1].answers == (Answer("1947", 13), Answer("in 1947", 10))
    assert rows[2].answers == (Answer("1947", 12),)
    assert faults.report(0, 0).notes == {"answer offset corrected": 1}


def test_impossible_questions_of_version_2_are_left_out(tmp_path: Path) -> None:
    impossible = question("b", is_impossible=True, answers=[])
    content = squad(question("a", is_impossible=False), impossible)
    faults = Faults()
    rows = read_squad(write(tmp_path, content), faults)
    assert [row.id for row in rows] == ["a"]
    assert faults.report(0, 0).notes == {"question without answer, left out": 1}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "must be one JSON object"),
        ("id\ttext\n", "must be one JSON object"),
        ('{"id": 1}\n{"id": 2}\n', "this is JSONL"),
        ("[]", "'data' here, a list"),
        ('{"id": "1", "context": "c"}', "got keys ['context', 'id']"),
        ({"data": [{"title": "t"}]}, "article 1: "),
        ({"data": [{"paragraphs": [{"context": "c"}]}]}, "paragraph 1: "),
        (squad(question(), context=None), "'context' here, a str"),
    ],
)
def test_a_file_of_another_format_is_refused(
    tmp_path: Path, content: object, told: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=r"data\.json") as error:
        read_squad(path, Faults(skip=True))  # there is no row to pass over
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (question("q2", id=None), "malformed question"),
        (question("q2", question=7), "malformed question"),
        (question("q2", answers=None), "malformed question"),
        (question("q2", answers={"text": ["1947"]}), "malformed question"),
        (question("q2", answers=[{"text": "1947"}]), "malformed question"),
        (
            question("q2", answers=[{"text": "1947", "answer_start": 1.5}]),
            "malformed question",
        ),
        ("q2", "malformed question"),
        (question("q2", answers=[]), "no answer"),
        (question("q2", question=""), "empty question"),
        (
            question("q2", answers=[{"text": "Jack", "answer_start": 0}]),
            "answer not in context",
        ),
    ],
)
def test_a_bad_question_is_told_by_number_or_passed_over(
    tmp_path: Path, bad: object, reason: str
) -> None:
    path = write(tmp_path, squad(question("q1"), bad))
    with pytest.raises(DataError, match=r"data\.json, question 2"):
        read_squad(path, Faults())
    faults = Faults(skip=True)
    assert [row.id for row in read_squad(path, faults)] == ["q1"]
    assert faults.report(0, 0).rejected == {reason: 1}


def test_an_empty_context_is_told_with_the_question(tmp_path: Path) -> None:
    path = write(tmp_path, squad(question("q1"), context=" "))
    with pytest.raises(DataError, match=r"question 1 \('q1'\).*empty context"):
        read_squad(path, Faults())


def test_a_file_that_is_no_utf8_or_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_bytes(b'{"data": "\xff"}')
    with pytest.raises(DataError, match=r"line 1.*UTF-8"):
        read_squad(str(tmp_path / "data.json"), Faults())
    with pytest.raises(DataError, match="readable file"):
        read_squad(str(tmp_path / "none.json"), Faults())


def answer(text: str, start: object) -> dict:
    return question("q2", answers=[{"text": text, "answer_start": start}])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (answer("ill", True), "malformed question"),
        (answer("1947", "13"), "malformed question"),
        (question("q2", id=True), "malformed question"),
        (question("q2", question="\u200b"), "empty question"),
        (question("q2", question="Wh\ud83dn?"), "no text"),
        (question("q2", question="Wh\0n?"), "no text"),
        (answer("19\ud8347", 13), "no text"),
    ],
)
def test_what_is_no_offset_and_no_text_is_a_faulty_question(
    tmp_path: Path, bad: dict, reason: str
) -> None:
    path = write(tmp_path, squad(question("q1"), bad))
    with pytest.raises(DataError, match=r"data\.json, .*question 2"):
        read_squad(path, Faults())
    faults = Faults(skip=True)
    assert [row.id for row in read_squad(path, faults)] == ["q1"]
    assert faults.report(0, 0).rejected == {reason: 1}


def test_answers_in_another_normalisation_are_told_as_that(tmp_path: Path) -> None:
    context = unicodedata.normalize("NFD", "Zoé sees Élan town")
    path = write(tmp_path, squad(answer("Élan", 9), context=context))
    with pytest.raises(DataError, match=r"another Unicode normalisation.*NFC"):
        read_squad(path, Faults())
    # The one that is spelled alike is not the one at the offset.
    path = write(tmp_path, squad(answer("Élan", 10), context=f"{context}, Élan"))
    with pytest.raises(DataError, match="stands at 1 other places"):
        read_squad(path, Faults())
    # An answer without an accent is no part of a letter with one.
    path = write(tmp_path, squad(answer("Zoe", 3), context=context))
    with pytest.raises(DataError, match="must stand in its context"):
        read_squad(path, Faults())


@pytest.mark.parametrize("start", [-1, 99, 10**30, -(10**30)])
def test_an_offset_beyond_the_context_is_corrected_or_refused(
    tmp_path: Path, start: int
) -> None:
    (read,) = read_squad(write(tmp_path, squad(answer("1947", start))), Faults())
    assert read.answers == (Answer("1947", 13),)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"data": NaN}', "9" * 5000])
def test_json_beyond_the_standard_is_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match="must be one JSON object"):
        read_squad(write(tmp_path, content), Faults())
