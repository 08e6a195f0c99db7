"""Questions: answers are put at their place only where that is beyond doubt."""

import pytest

from xlnas_jax.data.examples import Answer, QuestionRow
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.questions import check_question, find_answer, make_questions
from xlnas_jax.types import DataError

CONTEXT = "In 1947 it began. Paris was near; in the north, Paris was far. 1947 again."


def row(key: str = "q1", **changes) -> QuestionRow:
    sound = QuestionRow(
        key, "When?", CONTEXT, (Answer("1947", 3),), f"file.json ({key})"
    )
    return sound._replace(**changes)


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("1947", 3, 3),
        ("1947", 63, 63),  # the second occurrence, where it says
        ("1947", 4, 3),  # a little beside one of two
        ("1947", 33, None),  # in the middle between two
        ("1947", -1, None),  # nothing says which of two
        ("began", 70, 11),  # the only one, however far
        ("began", -1, 11),
        ("no", -1, None),  # only inside "north"
        ("194", 0, None),  # only inside a number
        ("Rome", 3, None),
    ],
)
def test_an_answer_is_found_where_there_is_no_doubt(
    text: str, start: int, expected: int | None
) -> None:
    assert find_answer(CONTEXT, Answer(text, start)) == expected


def test_scripts_without_case_have_answers_inside_words() -> None:
    assert find_answer("他在北京大学学习。", Answer("北京", 0)) == 2
    assert find_answer("وبالكتاب", Answer("كتاب", 0)) == 4


def test_offsets_counted_in_utf16_are_corrected() -> None:
    context = "😀😀 Paris or Paris"
    faults = Faults()
    checked = check_question(
        row(context=context, answers=(Answer("Paris", 5),)), faults
    )
    assert checked is not None
    assert checked.answers == (Answer("Paris", 3),)
    assert faults.report(0, 0).notes == {"answer offset corrected": 1}


def test_answers_that_are_not_there_are_dropped_if_others_are() -> None:
    faults = Faults()
    answers = (Answer("Rome", 0), Answer("1947", 3), Answer(" ", 2))
    checked = check_question(row(answers=answers), faults)
    assert checked is not None
    assert checked.answers == (Answer("1947", 3),)
    assert faults.report(0, 0).notes == {"answer not in context, another kept": 1}


@pytest.mark.parametrize(
    ("changes", "reason", "told"),
    [
        ({"question": " "}, "empty question", "empty question"),
        ({"context": ""}, "empty context", "empty context"),
        ({"answers": ()}, "no answer", "got none"),
        ({"answers": (Answer("", 0),)}, "no answer", "got none"),
        (
            {"answers": (Answer("Rome", 3),)},
            "answer not in context",
            "'Rome' at 3, where the context has '1947 it",
        ),
        (
            {"answers": (Answer("1947", 33),)},
            "answer offset in doubt",
            "stands at 2 other places",
        ),
    ],
)
def test_a_faulty_question_is_told_or_counted(
    changes: dict, reason: str, told: str
) -> None:
    with pytest.raises(DataError, match=r"file\.json \(q1\)") as error:
        check_question(row(**changes), Faults())
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    faults = Faults(skip=True)
    assert check_question(row(**changes), faults) is None
    assert faults.report(0, 0).rejected == {reason: 1}


def test_the_report_accounts_for_every_row() -> None:
    faults = Faults(skip=True)
    faults.note("no passage, left out", 2)
    faults.note("answer offset corrected")
    faults.reject("malformed question", "told before")
    made = make_questions(
        [row("a"), row("b"), row("a")], "fon", "fr", "dev", "f", faults
    )
    assert made.ids == ("a", "b")
    assert (made.language, made.context_language, made.split) == ("fon", "fr", "dev")
    assert made.answers == ((Answer("1947", 3),),) * 2
    assert (made.report.rows, made.report.kept) == (3 + 2 + 1, 2)
    assert made.report.rejected == {"malformed question": 1, "repeated id": 1}


def test_a_repeated_id_is_told_with_both_places() -> None:
    rows = [row("a"), row("b"), row("a", place="other.json (a)")]
    with pytest.raises(DataError, match=r"other\.json.*'a', already at file\.json"):
        make_questions(rows, "en", "en", "dev", "file.json", Faults())


def test_no_question_at_all_is_told() -> None:
    with pytest.raises(DataError, match=r"file\.json.*at least one"):
        make_questions([], "en", "en", "dev", "file.json", Faults())
