"""Questions with answers in a context: every answer is where it says it is."""

import unicodedata
from typing import TypeGuard

from xlnas_jax.data.examples import Answer, QuestionExamples, QuestionRow, require_some
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.values import is_blank, is_text
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import brief

# Ends the kind of every note on a row that is not kept.
LEFT_OUT = "left out"
# Offsets that count other units, or an older text, are off by a few characters.
_NEAR = 16


def make_questions(
    rows: list[QuestionRow],
    language: str,
    context_language: str,
    split: Split,
    origin: str,
    faults: Faults,
) -> QuestionExamples:
    """Questions of one language and split, from rows that passed `check_question`.

    The report counts the rows that `faults` was told of before, too.

    Raises:
        DataError: an id is repeated, or no question is left.
    """
    total = len(rows) + rows_passed(faults)
    first: dict[str, QuestionRow] = {}
    for row in rows:
        if row.id in first:
            faults.reject(
                "repeated id",
                f"{row.place}: ids must be unique within a split; got {brief(row.id)}, "
                f"already at {first[row.id].place}. Remove one of the two.",
            )
        else:
            first[row.id] = row
    kept = list(first.values())
    require_some(kept, language, split, origin)
    return QuestionExamples(
        language=language,
        context_language=context_language,
        split=split,
        ids=tuple(row.id for row in kept),
        questions=tuple(row.question for row in kept),
        contexts=tuple(row.context for row in kept),
        answers=tuple(row.answers for row in kept),
        report=faults.report(total, len(kept)),
    )


def rows_passed(faults: Faults) -> int:
    """Rows that were rejected or left out so far; needs notes with `LEFT_OUT`."""
    report = faults.report(0, 0)
    notes = [n for kind, n in report.notes.items() if kind.endswith(LEFT_OUT)]
    return sum(report.rejected.values()) + sum(notes)


def is_name(value: object) -> TypeGuard[str | int]:
    """Whether a value can be the id of a question."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def is_offset(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; true and false are numbers to Python alone."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_question(row: QuestionRow, faults: Faults) -> QuestionRow | None:
    """The row with each answer at its place, or None where it cannot be used.

    An offset is corrected where the answer's text leaves no doubt. An answer that
    is not in the context is dropped if the question has others.
    """
    for part, text in (("question", row.question), ("context", row.context)):
        if not is_text(text, part, row.place, faults):
            return None
        if is_blank(text):
            faults.reject(
                f"empty {part}",
                f"{row.place}: every question must have a text and a context; got "
                f"an empty {part}. Remove the question or fill it in.",
            )
            return None
    if not all(is_text(a.text, "answer", row.place, faults) for a in row.answers):
        return None
    answers = [answer for answer in row.answers if answer.text.strip()]
    if not answers:
        faults.reject(
            "no answer",
            f"{row.place}: every question must have an answer in its context; got "
            f"none. Remove the question.",
        )
        return None
    placed = [_placed(row.context, answer, faults) for answer in answers]
    found = tuple(answer for answer in placed if answer is not None)
    if not found:
        _reject_answer(row, answers[0], faults)
        return None
    if len(found) < len(answers):
        faults.note("answer not in context, another kept", len(answers) - len(found))
    return row._replace(answers=found)


def find_answer(context: str, answer: Answer) -> int | None:
    """Where the answer stands in the context; None where that is in doubt.

    At its offset; else at its only occurrence; else at the nearest one, if it is
    near and the next one clearly farther. Parts of longer words are no occurrence.
    """
    text, start = answer
    if start >= 0 and context.startswith(text, start):
        return start
    there = context[max(start, 0) : max(start, 0) + 4 * len(text)]
    if start >= 0 and _folded(there).startswith(_folded(text)):
        return None  # it is at its offset, in another normalisation
    places = _occurrences(context, text)
    places.sort(key=lambda place: abs(place - start))
    if len(places) < 2:
        return places[0] if places else None
    nearest, next_one = abs(places[0] - start), abs(places[1] - start)
    is_clear = start >= 0 and nearest <= _NEAR and 2 * nearest < next_one
    return places[0] if is_clear else None


def _placed(context: str, answer: Answer, faults: Faults) -> Answer | None:
    start = find_answer(context, answer)
    if start is None or start == answer.start:
        return None if start is None else answer
    faults.note("answer offset corrected")
    return Answer(answer.text, start)


def _reject_answer(row: QuestionRow, answer: Answer, faults: Faults) -> None:
    count = len(_occurrences(row.context, answer.text))
    text = brief(answer.text)
    if not count and _folded(answer.text) in _folded(row.context):
        faults.reject(
            "answer in another Unicode normalisation",
            f"{row.place}: every answer must stand in its context as it is written; "
            f"got {text}, which is there in another Unicode normalisation alone. "
            f"Bring both into the same (NFC), and the offsets with them.",
        )
        return
    reason = "answer offset in doubt" if count else "answer not in context"
    first = max(answer.start, 0)
    there = row.context[first : first + max(len(text), 20)]
    faults.reject(
        reason,
        f"{row.place}: every answer must stand in its context at its offset; got "
        f"{text} at {brief(answer.start)}, where the context has {brief(there)}; it "
        f"stands at {count or 'no'} other places. Correct the offset or remove the "
        f"question.",
    )


def _occurrences(context: str, text: str) -> list[int]:
    """Where the text stands, other than inside a longer word or number."""
    places = []
    place = context.find(text)
    while place >= 0:
        end = place + len(text)
        before, after = context[max(place - 1, 0) : place], context[end : end + 1]
        if not _is_joined(before, text[0]) and not _is_joined(text[-1], after):
            places.append(place)
        place = context.find(text, place + 1)
    return places


def _is_joined(left: str, right: str) -> bool:
    """True where a word, number or letter goes on from one character to the next.

    Only scripts with upper and lower case are judged: others write words without
    spaces, or join particles to them.
    """
    if left.isdecimal() and right.isdecimal():
        return True
    if right and unicodedata.combining(right):  # an accent on the letter before
        return True
    return all(c.lower() != c.upper() for c in (left, right))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text)
