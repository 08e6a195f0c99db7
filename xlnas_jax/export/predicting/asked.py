"""What is asked of a network: rows that it runs, and how they become predictions.

Between the two anything may happen to the rows: others run beside them, in any order.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float

from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer
from xlnas_jax.data.tokens.windows import make_windows
from xlnas_jax.export.predicting import answers, tags
from xlnas_jax.types import DataError

# Of rows that may differ in size.
Logits = Float[np.ndarray, "..."]
Row = TypeVar("Row")


class Asked(NamedTuple):
    """Inputs of a network, as token ids.

    Attributes:
        encodings: the rows of all inputs, those of one after another.
        counts: of each input, how many rows are its own.
        answer: what is predicted of an input, from its number and the logits of its
            rows.
        language: of all of them, or None.
    """

    encodings: Sequence[Encoding]
    counts: Sequence[int]
    answer: Callable[[int, Sequence[Logits]], Any]
    language: str | None

    def parted(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        """What there is for each row, by the input that the row is of."""
        start = 0
        for count in self.counts:
            yield rows[start : start + count]
            start += count

    def answers(self, rows: Sequence[Logits]) -> list[Any]:
        """What is predicted of every input, from the logits of all rows."""
        return [self.answer(*one) for one in enumerate(self.parted(rows))]


def ask_each(
    encodings: Sequence[Encoding],
    answer: Callable[[int, Logits], Any],
    language: str | None,
) -> Asked:
    """Of inputs that are one row each."""
    counts = [1] * len(encodings)
    return Asked(encodings, counts, lambda n, rows: answer(n, rows[0]), language)


def ask_tags(
    tokenizer: Tokenizer,
    sentences: object,
    labels: tuple[str, ...],
    language: str | None,
) -> Asked:
    """Of sentences whose words are tagged."""
    words = tags.check_sentences(sentences)
    encodings, positions = tokenizer.encode_words(words) if words else ([], [])

    def answer(number: int, row: Logits) -> tags.TaggedPrediction:
        return tags.to_tagged(words[number], positions[number], row, labels)

    return ask_each(encodings, answer, language)


def ask_questions(
    tokenizer: Tokenizer,
    questions: object,
    contexts: object,
    doc_stride: int,
    limits: tuple[int, int],
    language: str | None,
) -> Asked:
    """Of questions, each with as many rows as its context has windows.

    Args:
        limits: tokens of the longest answer, and how many answers are given.
    """
    asked, given = answers.check_questions(questions, contexts)
    answers.check_num_best(limits[1])
    cuts = make_windows(tokenizer, asked, given, doc_stride) if asked else []
    flat = [Encoding(one.ids, one.segments) for cut in cuts for one in cut]

    def answer(number: int, rows: Sequence[Logits]) -> answers.AnswerPrediction:
        return answers.to_answer(given[number], cuts[number], rows, *limits)

    return Asked(flat, [len(cut) for cut in cuts], answer, language)


def require_alone(kind: str, pairs: object, contexts: object, num_best: int) -> None:
    """An error where something belongs to another kind of task."""
    if contexts is not None or num_best != 1:
        raise DataError(
            f"predict: contexts and num_best belong to question answering; "
            f"this model is for {kind}. Leave them out."
        )
    if pairs is not None and kind != "classification":
        raise DataError(
            f"predict: pairs belong to classification; this model is for "
            f"{kind}. Pass one sequence of sentences."
        )
