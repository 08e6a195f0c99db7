"""Files of questions: an answer stands where the file says, or its row is faulty."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.contract import Tally, generated
from tests.fuzz.material import CHARACTERS, MARKS, changed_value
from xlnas_jax.data.examples import Answer
from xlnas_jax.data.readers.afriqa import read_afriqa
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.squad import read_squad


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, list[Answer]]:
    """A context with answers that stand in it."""
    context = draw(st.text(CHARACTERS, min_size=3, max_size=30)) + "x"
    answers = []
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(context) - 1))
        size = draw(st.integers(1, 8))
        answers.append(Answer(context[first : first + size], first))
    return context, answers


def squad(asked: list[tuple[str, list[Answer]]], move: int = 0) -> dict[str, Any]:
    return {
        "data": [
            {
                "paragraphs": [
                    {
                        "context": context,
                        "qas": [
                            {
                                "id": f"q{i}",
                                "question": "where?",
                                "answers": [
                                    {"text": a.text, "answer_start": a.start + move}
                                    for a in answers
                                ],
                            }
                        ],
                    }
                ]
            }
            for i, (context, answers) in enumerate(asked)
        ]
    }


@generated(quick=15, long=1_000)
@given(
    asked=st.lists(questions(), min_size=1, max_size=4),
    move=st.sampled_from([0, 0, 0, 1, -1, 2, 40, -40, 10**25]),
    mark=MARKS,
    is_ascii=st.booleans(),
)
def test_answers_come_back_where_they_stand(
    folder: Path,
    tally: Tally,
    asked: list[tuple[str, list[Answer]]],
    move: int,
    mark: str,
    is_ascii: bool,
) -> None:
    path = folder / "file.json"
    text = json.dumps(squad(asked, move), ensure_ascii=is_ascii)
    path.write_bytes((mark + text).encode())
    faults = Faults(skip=True)
    rows = tally.holds(lambda: read_squad(str(path), faults))
    assert rows is not None
    assert len(rows) + sum(faults.report(0, 0).rejected.values()) == len(asked)
    by_id = {f"q{i}": one for i, one in enumerate(asked)}
    for row in rows:
        context, answers = by_id[row.id]
        assert row.context == context
        for answer in row.answers:
            assert context.startswith(answer.text, answer.start) and answer.start >= 0
        if not move:
            sound = tuple(answer for answer in answers if answer.text.strip())
            assert row.answers == sound


def _by_lines(read: Callable[[str, Faults], list]) -> Callable[[Path, Any], list]:
    def run(path: Path, value: Any) -> list:
        path.write_bytes(json.dumps(value).encode())
        return read(str(path), Faults(skip=True))

    return run


AFRIQA = {
    "id": "1",
    "question_lang": "ibi?",
    "context": "in Oslo",
    "answer_pivot": {"text": ["Oslo"], "answer_start": [3]},
}
SQUAD = squad([("in Oslo, Oslo", [Answer("Oslo", 3)]), ("é 1", [Answer("1", 2)])])


@generated(quick=15, long=1_200)
@given(
    form=st.sampled_from(["squad", "afriqa"]), random=st.randoms(use_true_random=False)
)
def test_changed_questions_have_an_answer_where_they_say(
    folder: Path, tally: Tally, form: str, random: Random
) -> None:
    read = _by_lines(read_squad if form == "squad" else read_afriqa)
    value = changed_value(SQUAD if form == "squad" else AFRIQA, random)
    rows = tally.holds(lambda: read(folder / "file.json", value))
    for row in rows or []:
        assert row.question.strip() and row.answers
        for answer in row.answers:
            assert type(answer.start) is int and answer.start >= 0
            assert row.context.startswith(answer.text, answer.start)
        f"{row.id}{row.question}{row.context}".encode()
