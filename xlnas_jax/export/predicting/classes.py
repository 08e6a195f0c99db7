"""Predicted classes, and the checks of texts that every kind of prediction makes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.types import DataError


class Prediction(NamedTuple):
    """The likeliest label of one text, or of one pair of texts.

    Attributes:
        probability: softmax of the label's logit; not calibrated.
        scores: probability of every label.
    """

    label: str
    probability: float
    scores: dict[str, float]


def to_predictions(
    logits: Float[np.ndarray, "batch label"], labels: tuple[str, ...]
) -> list[Prediction]:
    """Labels and probabilities of each row of logits."""
    return from_probabilities(to_probabilities(logits), labels)


def to_probabilities(
    logits: Float[np.ndarray, "*lead label"],
) -> Float[np.ndarray, "*lead label"]:
    """Softmax in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def from_probabilities(
    probabilities: Float[np.ndarray, "batch label"], labels: tuple[str, ...]
) -> list[Prediction]:
    """The likeliest label of each row, with all probabilities."""
    predictions = []
    for row in probabilities.tolist():
        scores = dict(zip(labels, row, strict=True))
        best = max(scores, key=scores.__getitem__)
        predictions.append(Prediction(best, scores[best], scores))
    return predictions


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


def check_pairs(texts: list[str], others: object, name: str) -> list[str]:
    """The second texts as a list; an error unless they are as many as the first."""
    checked = check_texts(others, name)
    if len(checked) != len(texts):
        raise DataError(
            f"{name}: must be as many as texts; got {len(checked)} for {len(texts)} "
            f"texts. Pass one for every text."
        )
    return checked
