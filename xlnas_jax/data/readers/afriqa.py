"""AfriQA's gold passages: questions in African languages on a foreign passage."""

from typing import Any

from xlnas_jax.data.examples import Answer, QuestionRow
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.lines import read_text, split_lines
from xlnas_jax.data.readers.questions import (
    LEFT_OUT,
    check_question,
    find_answer,
    is_name,
    is_offset,
)
from xlnas_jax.files import parse_json
from xlnas_jax.types import brief

# What is known to be wrong with the data; such rows are noted and left out.
NO_PASSAGE = f"no passage, {LEFT_OUT}"
NO_SPAN = f"answer is no span of the passage, {LEFT_OUT}"
NOT_FOUND = f"answer missing or in doubt, {LEFT_OUT}"
_SHAPE = (
    '{"id": ..., "question_lang": ..., "context": ..., '
    '"answer_pivot": {"answer_start": [...], "text": [...]}}'
)


def read_afriqa(path: str, faults: Faults) -> list[QuestionRow]:
    """Questions of one file, which holds one JSON object a line.

    The question is the African one; passage and answer are in the pivot language.
    Rows without a passage, and rows whose answer is not in it (most are answers
    like "yes", with offset -1), are noted and left out.

    Raises:
        DataError: unless `faults` passes over it, a row is malformed or empty.

    References:
        Ogundepo et al., "AfriQA: Cross-lingual Open-Retrieval Question Answering
        for African Languages", 2023. https://arxiv.org/abs/2305.06897
    """
    rows = []
    for number, line in enumerate(split_lines(read_text(path)), start=1):
        if not line.strip():
            continue
        row = _row(line, f"{path}, line {number}", faults)
        checked = None if row is None else check_question(row, faults)
        if checked is not None:
            rows.append(checked)
    return rows


def _row(line: str, place: str, faults: Faults) -> QuestionRow | None:
    """One question; None where it is left out or passed over."""
    try:
        # Where the answer's language is not known, it is NaN.
        record = parse_json(line, any_number=True)
    except ValueError:
        record = None
    found = record if isinstance(record, dict) else {}
    key, question = found.get("id"), found.get("question_lang")
    answers = _answers(found.get("answer_pivot"))
    context = found.get("context")
    if (
        not is_name(key)
        or not isinstance(question, str)
        or not isinstance(context, str | None)
        or answers is None
    ):
        faults.reject(
            "malformed question",
            f"{place}: every line must be one JSON object {_SHAPE}; got "
            f"{brief(line)}. Correct or remove the line.",
        )
        return None
    quirk = _quirk(context, answers)
    if context is None or quirk:
        faults.note(quirk or NO_PASSAGE)
        return None
    return QuestionRow(str(key), question, context, answers, f"{place} ({brief(key)})")


def _quirk(context: str | None, answers: tuple[Answer, ...]) -> str:
    """The note on a row that is known to be unusable; else nothing."""
    if context is None or not context.strip():
        return NO_PASSAGE
    # Not searched for: "no" would be found in some word or sentence.
    if answers and all(answer.start < 0 for answer in answers):
        return NO_SPAN
    if answers and all(find_answer(context, answer) is None for answer in answers):
        return NOT_FOUND
    return ""


def _answers(found: Any) -> tuple[Answer, ...] | None:
    """Texts with their offsets, -1 where they have none; None where malformed."""
    texts = found.get("text") if isinstance(found, dict) else None
    starts = found.get("answer_start") if isinstance(found, dict) else None
    if not isinstance(texts, list) or not isinstance(starts, list):
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    if not all(is_offset(start) for start in starts):
        return None
    starts = starts or [-1] * len(texts)
    if len(starts) != len(texts):
        return None
    return tuple(Answer(*pair) for pair in zip(texts, starts, strict=True))
