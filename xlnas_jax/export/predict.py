"""Predictions, and how texts of any length become few different array shapes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.types import DataError

# A padded length for every 32 tokens: on average 16 slots a text are wasted, and
# an input of any composition compiles at most a handful of programs.
SHORTEST = 16
LENGTH_STEP = 32


class Prediction(NamedTuple):
    """The likeliest label of one text.

    Attributes:
        probability: softmax of the label's logit; not calibrated.
        scores: probability of every label.
    """

    label: str
    probability: float
    scores: dict[str, float]


class Chunk(NamedTuple):
    """Examples that run together, at one padded size.

    Attributes:
        rows: positions in the input.
        size: rows of the padded array, a power of two.
        seq: padded length.
    """

    rows: list[int]
    size: int
    seq: int


def to_predictions(
    logits: Float[np.ndarray, "batch label"], labels: tuple[str, ...]
) -> list[Prediction]:
    """Labels and probabilities of each row of logits."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    probabilities = shifted / shifted.sum(-1, keepdims=True)
    predictions = []
    for row in probabilities.tolist():
        scores = dict(zip(labels, row, strict=True))
        best = max(scores, key=scores.__getitem__)
        predictions.append(Prediction(best, scores[best], scores))
    return predictions


def padded_length(length: int, max_length: int) -> int:
    """The length that an example is padded to; never above `max_length`."""
    step = SHORTEST if length <= SHORTEST else LENGTH_STEP
    return min(math.ceil(length / step) * step, max_length)


def plan_chunks(
    lengths: Sequence[int], batch_size: int, max_length: int
) -> list[Chunk]:
    """Groups examples of similar length; every example is in one chunk."""
    by_seq: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        by_seq.setdefault(padded_length(length, max_length), []).append(row)
    chunks = []
    for seq, rows in sorted(by_seq.items()):
        for start in range(0, len(rows), batch_size):
            part = rows[start : start + batch_size]
            chunks.append(Chunk(part, 1 << (len(part) - 1).bit_length(), seq))
    return chunks


def pad_rows(
    rows: Sequence[Sequence[int]], size: int, seq: int, fill: int
) -> Int[np.ndarray, "batch seq"]:
    """Rows of ids as one array, padded on the right and below."""
    array = np.full((size, seq), fill, np.int32)
    for i, row in enumerate(rows):
        array[i, : len(row)] = row
    return array


def check_texts(texts: object, name: str) -> list[str]:
    """The given texts as a list, or an error that names the one at fault."""
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, Sequence) or isinstance(texts, bytes):
        raise TypeError(
            f"{name}: must be a text or a sequence of texts; got "
            f"{type(texts).__name__}. Pass a list of str."
        )
    checked: list[str] = []
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(
                f"{name}[{i}]: every text must be a str; got "
                f"{type(text).__name__}. Convert or drop it."
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{name}[{i}]: every text must be valid Unicode; got {error.reason} "
                f"at character {error.start}. Repair or drop it."
            ) from error
        checked.append(text)
    return checked
