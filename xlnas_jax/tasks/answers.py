"""From scores of start and end positions to the text of an answer.

A context that is longer than the encoder's input is cut into overlapping windows,
each with the whole question. The device hands over the best few positions of each
window; here they are paired, and the best pair of all windows becomes the answer.

BERT's first script let a token begin an answer only in the window that shows most
of its surroundings. That is not done here: every window may offer every token.

References:
    Devlin et al., "BERT", 2019, section 4.2. https://arxiv.org/abs/1810.04805
    Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.types import DataError

NUM_BEST = 20
MAX_TOKENS = 30


class Window(NamedTuple):
    """One window's best positions, in any order, and where its tokens stand.

    Attributes:
        offsets: first character of each token in the original context, and the one
            after its last; -1 for tokens that are not context.
        start: positions in the window that are most likely the first of the answer.
        end: positions that are most likely the last of the answer, itself included.
    """

    offsets: Int[np.ndarray, "token 2"]
    start: Int[np.ndarray, " top"]
    start_logit: Float[np.ndarray, " top"]
    end: Int[np.ndarray, " top"]
    end_logit: Float[np.ndarray, " top"]


class BestAnswer(NamedTuple):
    """An answer: `context[start : start + len(text)] == text`.

    Where no span can be one, `text` is empty, `start` is -1 and `score` -infinity.
    """

    text: str
    start: int
    score: float


class Candidate(NamedTuple):
    """An answer and its probability among the candidates it was listed with."""

    text: str
    start: int
    score: float
    probability: float


NO_ANSWER = BestAnswer("", -1, float("-inf"))


def best_answer(
    context: str,
    windows: Sequence[Window],
    num_best: int = NUM_BEST,
    max_tokens: int = MAX_TOKENS,
) -> BestAnswer:
    """The span with the highest sum of start and end logit, over all windows.

    A span starts at one of a window's `num_best` best starts and ends there or
    later, at one of its best ends; it has at most `max_tokens` tokens, and both its
    ends stand in the context. The text is cut from the original context, so that
    what the tokenizer normalised cannot change or shift it, and has no white space
    around it. Logits that are not finite never win.
    """
    return next(_ranked(context, windows, num_best, max_tokens), NO_ANSWER)


def n_best(
    context: str,
    windows: Sequence[Window],
    num_best: int = NUM_BEST,
    max_tokens: int = MAX_TOKENS,
) -> tuple[Candidate, ...]:
    """The best spans as in `best_answer`, best first, each text once.

    A text that several windows or places offer keeps its best score. Probabilities
    are the softmax of the scores in the list. Empty where there is no valid span.
    """
    found: dict[str, BestAnswer] = {}
    for answer in _ranked(context, windows, num_best, max_tokens):
        found.setdefault(answer.text, answer)
        if len(found) == num_best:
            break
    if not found:
        return ()
    scores = np.array([answer.score for answer in found.values()])
    weights = np.exp(scores - scores.max())
    probabilities = (weights / weights.sum()).tolist()
    pairs = zip(found.values(), probabilities, strict=True)
    return tuple(Candidate(*answer, probability) for answer, probability in pairs)


def _ranked(
    context: str, windows: Sequence[Window], num_best: int, max_tokens: int
) -> Iterator[BestAnswer]:
    """Answers by falling score; the same text may come more than once.

    Equal scores keep the order of windows, then that of starts and of ends.
    """
    for row, window in enumerate(windows):
        _check_offsets(context, window, row)
    parts = [_spans(window, num_best, max_tokens) for window in windows]
    spans = np.concatenate([np.empty((0, 3)), *parts])
    for score, first, last in spans[np.argsort(-spans[:, 0], kind="stable")].tolist():
        cut = context[int(first) : int(last)]
        text = cut.strip()
        # SentencePiece has tokens of a space alone, and some of no width at all.
        if text:
            yield BestAnswer(text, int(first) + len(cut) - len(cut.lstrip()), score)


def _spans(
    window: Window, num_best: int, max_tokens: int
) -> Float[np.ndarray, "span 3"]:
    """Score, first character and the one after the last, of each valid span."""
    start, start_logit = _best(window.start, window.start_logit, num_best)
    end, end_logit = _best(window.end, window.end_logit, num_best)
    first, last = window.offsets[start, 0], window.offsets[end, 1]
    length = end[None, :] - start[:, None] + 1
    score = start_logit[:, None] + end_logit[None, :]
    valid = (length >= 1) & (length <= max_tokens) & np.isfinite(score)
    valid &= (first >= 0)[:, None] & (last >= 0)[None, :]
    rows, columns = np.nonzero(valid)
    return np.stack([score[valid], first[rows], last[columns]], axis=-1)


def _best(
    positions: Int[np.ndarray, " top"], logits: Float[np.ndarray, " top"], num: int
) -> tuple[Int[np.ndarray, " kept"], Float[np.ndarray, " kept"]]:
    """At most `num` positions with the highest logits, best first."""
    wide = logits.astype(np.float64)  # sums of two half-precision logits would tie
    wide = np.where(np.isfinite(wide), wide, -np.inf)
    order = np.argsort(-wide, kind="stable")[:num]
    return positions[order], wide[order]


def _check_offsets(context: str, window: Window, row: int) -> None:
    beyond = int(window.offsets.max(initial=0))
    if beyond > len(context):
        raise DataError(
            f"answers, window {row}: every token must stand inside the context of "
            f"{len(context)} characters; got one that ends at {beyond}. Pass the "
            f"context that was tokenised, before any normalisation."
        )
