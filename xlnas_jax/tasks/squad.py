"""Exact match and token F1 of extracted answers by the rules of SQuAD v1.1.

The rules are made for English. XTREME applies them to XQuAD and TyDiQA-GoldP in
every language all the same, so these are the numbers to compare with there; for
MLQA see `tasks.mlqa`. Scores lie between 0 and 1.

References:
    Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of
    Text", 2016. https://arxiv.org/abs/1606.05250
    Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.types import DataError

Normaliser = Callable[[str], str]
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


class AnswerScore(NamedTuple):
    """How well a prediction fits the best of its gold answers."""

    exact_match: float
    f1: float


def normalise(text: str) -> str:
    """Lower case; no ASCII punctuation; no `a`, `an`, `the`; single spaces.

    In this order, so that `a-b` becomes the word `ab` and keeps its `a`.

    Example:
        >>> normalise("The cat's  well-known (a) hat.")
        'cats wellknown hat'
    """
    bare = text.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(prediction: str | None, golds: Sequence[str]) -> float:
    """1 if the prediction equals a gold answer once both are normalised, else 0.

    Two texts that are both empty once normalised are equal.
    """
    return score(prediction, golds, normalise).exact_match


def f1(prediction: str | None, golds: Sequence[str]) -> float:
    """Token F1 with the gold answer that fits best.

    Texts without a common token score 0, even if both are empty once normalised,
    where `exact_match` is 1.
    """
    return score(prediction, golds, normalise).f1


def scores(
    predictions: Sequence[str | None], golds: Sequence[Sequence[str]]
) -> Float[np.ndarray, "example 2"]:
    """Exact match and F1 of each question; their means are the scores of a split."""
    return score_all(predictions, golds, normalise)


def score(
    prediction: str | None, golds: Sequence[str], normaliser: Normaliser
) -> AnswerScore:
    """Exact match and F1 under any rule that turns text into spaced tokens.

    Each is the best over the gold answers by itself. A missing prediction (`None`)
    scores 0 in both.
    """
    if isinstance(golds, str) or not golds:
        raise DataError(
            f"answers: every question must have a list of at least one gold answer; "
            f"got {golds!r}. Leave questions without an answer out of the data."
        )
    if prediction is None:
        return AnswerScore(0.0, 0.0)
    given = normaliser(prediction)
    wanted = [normaliser(gold) for gold in golds]
    return AnswerScore(
        exact_match=float(given in wanted),
        f1=max(_overlap(given.split(), gold.split()) for gold in wanted),
    )


def score_all(
    predictions: Sequence[str | None],
    golds: Sequence[Sequence[str]],
    normaliser: Normaliser,
) -> Float[np.ndarray, "example 2"]:
    """`score` of every question of a split, as rows of exact match and F1."""
    if not golds or len(predictions) != len(golds):
        raise DataError(
            f"answers: predictions and gold answers must belong to the same "
            f"questions, at least one; got {len(predictions)} predictions for "
            f"{len(golds)} questions. Give None where a prediction is missing."
        )
    pairs = zip(predictions, golds, strict=True)
    return np.array([score(given, wanted, normaliser) for given, wanted in pairs])


def _overlap(given: list[str], wanted: list[str]) -> float:
    """F1 of two bags of tokens; 0 if they share none, also where both are empty."""
    common = (Counter(given) & Counter(wanted)).total()
    return 2.0 * common / (len(given) + len(wanted)) if common else 0.0
