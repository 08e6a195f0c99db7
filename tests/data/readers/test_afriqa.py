"""AfriQA's lines: known quirks are noted, everything else is told."""

import json
from pathlib import Path

import pytest

from xlnas_jax.data.examples import Answer
from xlnas_jax.data.readers.afriqa import read_afriqa
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.types import DataError

CONTEXT = "Cotonou is the largest city, not the capital. The capital is Porto-Novo."


def line(key: object = 1, text: str = "Porto-Novo", start: int = 61, **changes) -> str:
    record = {
        "id": key,
        "question_lang": "Tox tɛ?",
        "context": CONTEXT,
        "answer_pivot": {"answer_start": [start], "text": [text]},
    }
    return json.dumps(record | changes, ensure_ascii=False)


def write(folder: Path, *lines: str) -> str:
    path = folder / "dev.json"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_the_african_question_is_asked_of_the_passage(tmp_path: Path) -> None:
    (row,) = read_afriqa(write(tmp_path, "", line()), Faults())
    assert (row.id, row.question, row.context) == ("1", "Tox tɛ?", CONTEXT)
    assert row.answers == (Answer("Porto-Novo", 61),)
    assert row.place.endswith("dev.json, line 2 (1)")


def test_known_quirks_are_noted_and_left_out(tmp_path: Path) -> None:
    nothing = {"answer_start": [], "text": ["1962"]}
    faults = Faults()
    rows = read_afriqa(
        write(
            tmp_path,
            line(1),
            line(2, start=60),
            line(3, context=None, answer_pivot=nothing),
            line(4, context=" "),
            line(5, "yes", -1),
            line(6, "no", -1),  # not the "no" of "not", and not the one of "Novo"
            line(7, "capital", -1),
            line(8, "porto-novo", 61),
            line(9, "capital", 0),  # two of them, neither near
        ),
        faults,
    )
    assert [row.id for row in rows] == ["1", "2"]
    assert rows[1].answers == (Answer("Porto-Novo", 61),)
    assert faults.report(0, 0).notes == {
        "answer offset corrected": 1,
        "no passage, left out": 2,
        "answer is no span of the passage, left out": 3,
        "answer missing or in doubt, left out": 2,
    }


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "malformed question"),
        ("[1]", "malformed question"),
        (line(None), "malformed question"),
        (line(question_lang=None), "malformed question"),
        (line(context=["a"]), "malformed question"),
        (line(answer_pivot=None), "malformed question"),
        (line(answer_pivot={"text": "x", "answer_start": [1]}), "malformed question"),
        (
            line(answer_pivot={"text": ["a", "b"], "answer_start": [1]}),
            "malformed question",
        ),
        (
            line(answer_pivot={"text": ["a"], "answer_start": ["1"]}),
            "malformed question",
        ),
        (line(answer_pivot={"text": [1], "answer_start": [1]}), "malformed question"),
        (line(answer_pivot={"text": [], "answer_start": []}), "no answer"),
        (line(question_lang=" "), "empty question"),
    ],
)
def test_a_bad_line_is_told_by_number_or_passed_over(
    tmp_path: Path, bad: str, reason: str
) -> None:
    path = write(tmp_path, line(1), bad)
    with pytest.raises(DataError, match=r"dev\.json, line 2") as error:
        read_afriqa(path, Faults())
    assert "\n" not in str(error.value)
    faults = Faults(skip=True)
    assert len(read_afriqa(path, faults)) == 1
    assert faults.report(0, 0).rejected == {reason: 1}
