"""Predicted answers: the best spans over all windows of a context."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.data.tokens.windows import Window
from xlnas_jax.export.predicting.classes import check_pairs, check_texts
from xlnas_jax.tasks import answers
from xlnas_jax.types import DataError


class AnswerPrediction(NamedTuple):
    """The best answer to a question: `context[start : start + len(text)] == text`.

    Where no token of the context can be one, `text` is empty, `start` is -1 and
    `score` -infinity.

    Attributes:
        score: sum of its start and end logit.
        probability: softmax of the score over the best answers; not calibrated.
        others: the next best answers, as many as were asked for.
    """

    text: str
    start: int
    score: float
    probability: float
    others: tuple[answers.Candidate, ...] = ()


def check_questions(questions: object, contexts: object) -> tuple[list[str], list[str]]:
    """Questions and their contexts, neither of them empty."""
    asked = check_texts(questions, "questions")
    if contexts is None:
        raise DataError(
            "contexts: every question needs the text that holds its answer; got "
            "none. Call predict(questions, contexts)."
        )
    given = check_pairs(asked, contexts, "contexts")
    for name, texts in (("questions", asked), ("contexts", given)):
        for i, text in enumerate(texts):
            if not text.strip():
                raise DataError(
                    f"{name}[{i}]: a question and its context must have a text; got "
                    f"an empty one. Drop the question, or fill it in."
                )
    return asked, given


def check_num_best(num_best: int) -> None:
    """An error unless that many answers can be given."""
    if not 1 <= num_best <= answers.NUM_BEST:
        raise DataError(
            f"num_best: must be 1 to {answers.NUM_BEST}, from which answers are "
            f"paired; got {num_best}."
        )


def to_answer(
    context: str,
    windows: Sequence[Window],
    logits: Sequence[Float[np.ndarray, "seq label"]],
    max_tokens: int,
    num_best: int,
) -> AnswerPrediction:
    """The best answer over all windows, and the next best ones."""
    read = [_read(cut, scores) for cut, scores in zip(windows, logits, strict=True)]
    found = answers.n_best(context, read, answers.NUM_BEST, max_tokens)
    if not found:
        return AnswerPrediction(*answers.NO_ANSWER, probability=0.0)
    return AnswerPrediction(*found[0], others=found[1:num_best])


def _read(window: Window, logits: Float[np.ndarray, "seq label"]) -> answers.Window:
    """The window's logits at the tokens of its context."""
    places = np.arange(window.first, window.last)
    offsets = np.full((len(window.ids), 2), -1, np.int64)
    offsets[places] = window.offsets
    start, end = logits[places].T
    return answers.Window(offsets, places, start, places, end)
