"""Questions in SQuAD v1.1 JSON, the format of XQuAD, MLQA and TyDi QA GoldP too."""

from collections.abc import Iterator
from typing import Any

from xlnas_jax.data.examples import Answer, QuestionRow
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.lines import read_text, split_lines
from xlnas_jax.data.readers.questions import (
    LEFT_OUT,
    check_question,
    is_name,
    is_offset,
)
from xlnas_jax.files import parse_json
from xlnas_jax.types import DataError, brief


def read_squad(path: str, faults: Faults) -> list[QuestionRow]:
    """Questions of one file, in its order, with checked answers.

    Impossible questions of SQuAD v2 are noted and left out.

    Raises:
        DataError: the file is no SQuAD JSON; or, unless `faults` passes over it, a
            question is malformed, empty, or without an answer in its context.

    References:
        Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of
        Text", 2016. https://arxiv.org/abs/1606.05250
    """
    rows = []
    for number, (context, question) in enumerate(_questions(path)):
        row = _row(question, context, f"{path}, question {number + 1}", faults)
        checked = None if row is None else check_question(row, faults)
        if checked is not None:
            rows.append(checked)
    return rows


def _questions(path: str) -> Iterator[tuple[str, object]]:
    """Each question with its context."""
    content = _load(path)
    for a, article in enumerate(_part(content, "data", list, path)):
        where = f"{path}, article {a + 1}"
        for p, paragraph in enumerate(_part(article, "paragraphs", list, where)):
            place = f"{where}, paragraph {p + 1}"
            context = _part(paragraph, "context", str, place)
            for question in _part(paragraph, "qas", list, place):
                yield context, question


def _load(path: str) -> object:
    text = read_text(path)
    try:
        # Half a character is the fault of its question, not of the file.
        return parse_json(text, any_string=True)
    except ValueError as error:
        hint = "Restore the file."
        if _is_json(split_lines(text.strip())[0] if text.strip() else ""):
            hint = "It has one JSON value a line: this is JSONL, not SQuAD's format."
        raise DataError(
            f"{path}: must be one JSON object in SQuAD's format; got: {error}. {hint}"
        ) from error


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def _part(holder: object, key: str, kind: type, place: str) -> Any:
    """What an object holds under a key, which must be of a kind."""
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, kind):
        what = f"keys {sorted(holder)}" if isinstance(holder, dict) else brief(holder)
        raise DataError(
            f"{place}: SQuAD's format must have {key!r} here, a {kind.__name__}: "
            f'{{"data": [{{"paragraphs": [{{"context": ..., "qas": [...]}}]}}]}}; '
            f"got {what[:200]}. Choose the format of the file, or convert it."
        )
    return value


def _row(
    question: object, context: str, place: str, faults: Faults
) -> QuestionRow | None:
    """One question; None where it is left out or passed over."""
    found = question if isinstance(question, dict) else {}
    key, text = found.get("id"), found.get("question")
    answers = _answers(found.get("answers"))
    if found.get("is_impossible") is True:
        faults.note(f"question without answer, {LEFT_OUT}")
        return None
    if not is_name(key) or not isinstance(text, str) or answers is None:
        faults.reject(
            "malformed question",
            f'{place}: every question must be {{"id": ..., "question": ..., '
            f'"answers": [{{"text": ..., "answer_start": 0}}]}}; got '
            f"{brief(question)}. Correct or remove it.",
        )
        return None
    return QuestionRow(str(key), text, context, answers, f"{place} ({brief(key)})")


def _answers(found: object) -> tuple[Answer, ...] | None:
    """The answers as listed, or None where they are malformed."""
    if not isinstance(found, list):
        return None
    answers = []
    for one in found:
        text = one.get("text") if isinstance(one, dict) else None
        start = one.get("answer_start") if isinstance(one, dict) else None
        if not isinstance(text, str) or not is_offset(start):
            return None
        answers.append(Answer(text, start))
    return tuple(answers)
