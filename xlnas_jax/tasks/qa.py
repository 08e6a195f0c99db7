"""Extractive question answering: a start and an end among the context's tokens.

A long context is cut into overlapping windows, each of them a row; all windows of
a question stand in one batch, so that its best answer over all of them can be
chosen there.
"""

from typing import Any, no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.tasks.answers import MAX_TOKENS, NUM_BEST
from xlnas_jax.tasks.base import (
    LOW,
    Losses,
    Statistics,
    Task,
    Values,
    divergence,
    guarded,
    negative_log_likelihood,
)
from xlnas_jax.types import Batch


@struct.dataclass
@no_type_check
class SpanLabels:
    """Where a window's context is, and where the answer is.

    Arrays of NumPy until they are put into a batch.

    Attributes:
        start, end: first and last token of the answer in this window; both 0, the
            first special token, where the answer is not wholly inside.
        first, last: half-open range of the context's tokens in this window.
        shift: position in the whole context of token `first`.
        group: the question; rows of one batch with the same number belong together.
        gold_start, gold_end: of each gold answer, first and last token in the whole
            context; -1 where there is no such answer.
    """

    start: Int[Array | np.ndarray, "*lead"]
    end: Int[Array | np.ndarray, "*lead"]
    first: Int[Array | np.ndarray, "*lead"]
    last: Int[Array | np.ndarray, "*lead"]
    shift: Int[Array | np.ndarray, "*lead"]
    group: Int[Array | np.ndarray, "*lead"]
    gold_start: Int[Array | np.ndarray, "*lead gold"]
    gold_end: Int[Array | np.ndarray, "*lead gold"]


def make_qa(num_best: int = NUM_BEST, max_answer_tokens: int = MAX_TOKENS) -> Task:
    """The task of finding the answer in a context; `Batch.label` holds `SpanLabels`.

    Statistics, per question and counted at the window that answers it: questions,
    exact matches, F1 of token positions against the nearest gold answer; and per
    window: windows, summed loss. They count tokens: the official scores, on
    normalised words, are made on the host from the `num_best` starts and ends.
    The error is one minus the mean of F1 and exact match, as in XTREME.
    """

    def loss(logits: Float[Array, "batch seq label"], batch: Batch) -> Losses:
        start, end = _split(logits, batch)
        target = batch.label
        first = negative_log_likelihood(start, target.start)
        total = (first + negative_log_likelihood(end, target.end)) / 2.0
        return Losses(total, jnp.ones_like(total))

    def distill(
        logits: Float[Array, "batch seq label"],
        teacher: Float[Array, "batch seq label"],
        batch: Batch,
        temperature: float,
    ) -> Losses:
        ours, theirs = _split(logits, batch), _split(teacher, batch)
        first = divergence(ours[0], theirs[0], temperature)
        total = (first + divergence(ours[1], theirs[1], temperature)) / 2.0
        return Losses(total, jnp.ones_like(total))

    def statistics(
        logits: Float[Array, "batch seq label"], batch: Batch
    ) -> Float[Array, "batch stat"]:
        target = batch.label
        score, start, end = _best_span(logits, batch, max_answer_tokens)
        answers = _answers(score, target.group).astype(jnp.float32)
        move = target.shift - target.first
        exact, f1 = _overlap(start + move, end + move, target)
        is_found = (score > LOW / 2).astype(jnp.float32)
        losses = loss(logits, batch)
        found = answers * is_found
        columns = [answers, found * exact, found * f1, losses.num, losses.total]
        return jnp.stack(columns, axis=-1)

    def metrics(sums: Statistics) -> Values:
        count = sums[..., 0].clip(min=1.0)
        exact, f1 = sums[..., 1] / count, sums[..., 2] / count
        score = (exact + f1) / 2.0
        return {
            "token_score": score,
            "token_f1": f1,
            "token_exact": exact,
            "error": 1.0 - score,
            "loss": sums[..., 4] / sums[..., 3].clip(min=1.0),
        }

    def predict(
        logits: Float[Array, "batch seq label"], batch: Batch
    ) -> dict[str, Any]:
        is_context = _context(batch)
        found = {}
        for index, name in enumerate(("start", "end")):
            scores = jnp.where(is_context, logits[..., index], LOW)
            count = min(num_best, scores.shape[-1])
            value, place = jax.lax.top_k(scores, count)
            found[f"{name}_logit"] = value
            found[name] = place.astype(jnp.int32)
        return found

    task = Task(
        kind="qa",
        labels=(),
        num_outputs=2,
        reads_tokens=True,
        num_statistics=5,
        primary="score",
        loss=loss,
        distill=distill,
        statistics=statistics,
        metrics=metrics,
        predict=predict,
        choice_axis=1,
    )
    return guarded(task)


def _split(
    logits: Float[Array, "batch seq label"], batch: Batch
) -> tuple[Float[Array, "batch seq"], Float[Array, "batch seq"]]:
    """Start and end logits; padding can be neither."""
    masked = jnp.where(batch.mask[..., None], logits.astype(jnp.float32), LOW)
    return masked[..., 0], masked[..., 1]


def _context(batch: Batch) -> Bool[Array, "batch seq"]:
    """True for tokens of the context."""
    place = jnp.arange(batch.tokens.shape[-1], dtype=jnp.int32)[None]
    return (place >= batch.label.first[:, None]) & (place < batch.label.last[:, None])


def _best_span(
    logits: Float[Array, "batch seq label"], batch: Batch, max_tokens: int
) -> tuple[Float[Array, " batch"], Int[Array, " batch"], Int[Array, " batch"]]:
    """Score, first and last token of each window's best span of allowed length.

    Rows of weight 0 score `LOW` at most, so that they never answer a question.
    """
    is_context = _context(batch) & (batch.weight[:, None] > 0)
    start = jnp.where(is_context, logits[..., 0].astype(jnp.float32), LOW)
    end = jnp.where(is_context, logits[..., 1].astype(jnp.float32), LOW)
    num = start.shape[1]
    padded = jnp.pad(end, ((0, 0), (0, max_tokens)), constant_values=LOW)
    spans = [start + padded[:, d : d + num] for d in range(min(max_tokens, num))]
    scores = jnp.stack(spans, axis=-1)
    flat = scores.reshape(scores.shape[0], -1)
    best = flat.argmax(-1).astype(jnp.int32)
    first, more = best // len(spans), best % len(spans)
    return flat.max(-1), first, first + more


def _answers(
    score: Float[Array, " batch"], group: Int[Array, " batch"]
) -> Bool[Array, " batch"]:
    """True for the one row of each question with the best score; ties: the first."""
    place = jnp.arange(score.shape[0], dtype=jnp.int32)
    is_better = (score[None] > score[:, None]) | (
        (score[None] == score[:, None]) & (place[None] < place[:, None])
    )
    return ~(is_better & (group[None] == group[:, None])).any(-1)


def _overlap(
    start: Int[Array, " batch"], end: Int[Array, " batch"], target: SpanLabels
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    """Exact match and F1 of token ranges in the whole context; the best gold counts."""
    gold_start, gold_end = target.gold_start, target.gold_end
    is_gold = gold_start >= 0
    both = jnp.minimum(end[:, None], gold_end) - jnp.maximum(start[:, None], gold_start)
    both = jnp.where(is_gold, jnp.maximum(both + 1, 0), 0).astype(jnp.float32)
    ours = (end - start + 1).astype(jnp.float32)[:, None]
    theirs = (gold_end - gold_start + 1).astype(jnp.float32)
    f1 = jnp.where(is_gold, 2.0 * both / (ours + theirs), 0.0).max(-1)
    exact = is_gold & (start[:, None] == gold_start) & (end[:, None] == gold_end)
    return jnp.any(exact, axis=-1).astype(jnp.float32), f1
