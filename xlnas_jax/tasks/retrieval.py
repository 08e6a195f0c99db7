"""Retrieval of translations: of all sentences a translation should be the nearest.

There are no classes, and no head: the logits of a sentence are its vector, of length 1.
What a network is worth shows among many sentences at once, so that scores are made by
`compare` of all translations of a language; of a sentence alone only how far it is from
a teacher's vector is known. `Batch.label` is the number of a sentence's meaning: rows
with the same are translations of each other, -1 stands for text alone.

References:
    Hu et al., "XTREME", 2020 (Tatoeba: cosine, nearest neighbour).
    https://arxiv.org/abs/2003.11080
    Feng et al., "Language-agnostic BERT Sentence Embedding", 2022 (in-batch
    contrast). https://arxiv.org/abs/2007.01852
    Reimers & Gurevych, "Making Monolingual Sentence Embeddings Multilingual using
    Knowledge Distillation", 2020. https://arxiv.org/abs/2004.09813
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.tasks.base import Losses, Statistics, Task, Values, guarded
from xlnas_jax.types import Batch

KIND = "retrieval"
# Of cosines, before the softmax over sentences; that of multilingual E5 is 0.01, of
# LaBSE's margin about 0.05.
TEMPERATURE = 0.05
# How many, the loss, and of both directions whether the translation is the nearest.
_SUMS = 4

Vectors = Float[Array, "pair model"]


def make_retrieval(width: int) -> Task:
    """The task for encoders of one model width.

    The statistics of a pair are 1, its loss, and the hits from it and to it; those of
    a row alone are zeros.
    """

    def loss(logits: Float[Array, "batch model"], batch: Batch) -> Losses:
        return contrast(logits, batch)

    def distill(
        logits: Float[Array, "batch model"],
        teacher: Float[Array, "batch model"],
        batch: Batch,
        temperature: float,
    ) -> Losses:
        # Vectors have length 1: one less the cosine, whatever the temperature.
        total = 1.0 - (logits * teacher).sum(-1)
        return Losses(total, jnp.ones_like(total))

    def statistics(
        logits: Float[Array, "batch model"], batch: Batch
    ) -> Float[Array, "batch stat"]:
        return jnp.zeros((logits.shape[0], _SUMS))

    def metrics(sums: Statistics) -> Values:
        count = sums[..., 0].clip(min=1.0)
        to_source, from_source = sums[..., 2] / count, sums[..., 3] / count
        hits = (to_source + from_source) / 2.0
        return {
            "p_at_1": hits,
            "error": 1.0 - hits,
            "to_source": to_source,
            "from_source": from_source,
            "loss": sums[..., 1] / count,
        }

    def predict(logits: Float[Array, "batch model"], batch: Batch) -> dict[str, Any]:
        return {"vector": logits}

    task = Task(
        kind=KIND,
        labels=(),
        num_outputs=width,
        reads_tokens=False,
        num_statistics=_SUMS,
        primary="p_at_1",
        loss=loss,
        distill=distill,
        statistics=statistics,
        metrics=metrics,
        predict=predict,
        compare=compare,
    )
    return guarded(task)


def contrast(logits: Float[Array, "batch model"], batch: Batch) -> Losses:
    """Cross-entropy of naming a row's translation among all other rows of the batch.

    Rows of the same language are among them, so that languages do not gather apart.
    A row without a translation in the batch is told from by others, and has no loss.
    """
    num = logits.shape[0]
    counts = batch.weight > 0
    is_other = counts[None, :] & ~jnp.eye(num, dtype=bool)
    is_known = (batch.label >= 0)[:, None]
    is_same = (batch.label[:, None] == batch.label[None, :]) & is_known
    is_same = is_same & is_other
    has_any = is_same.any(-1) & counts
    scores = jnp.matmul(logits, logits.T) / TEMPERATURE
    every = _log_sum(scores, is_other)
    right = _log_sum(scores, is_same)
    # Of rows without one both sums are of nothing, and their difference is nothing.
    total = jnp.where(has_any, every - right, 0.0)
    return Losses(total, has_any.astype(jnp.float32))


def _log_sum(
    scores: Float[Array, "batch batch"], is_meant: Any
) -> Float[Array, " batch"]:
    """Of the meant ones; of none of them a number that has a gradient of 0."""
    is_meant = is_meant | ~is_meant.any(-1, keepdims=True)
    return jax.nn.logsumexp(jnp.where(is_meant, scores, -jnp.inf), axis=-1)


def compare(ours: Vectors, theirs: Vectors) -> Float[Array, "pair stat"]:
    """Statistics of every pair among all of them: row k of both is one.

    Of several sentences that are equally near each is found in part. Vectors that are
    not finite have no statistics that are.
    """
    scores = jnp.matmul(ours, theirs.T, precision=jax.lax.Precision.HIGHEST)
    found = [
        jnp.ones(len(scores)),
        (_lost(scores) + _lost(scores.T)) / 2.0,
        _hits(scores),
        _hits(scores.T),
    ]
    is_sound = jnp.isfinite(scores).all()
    return jnp.where(is_sound, jnp.stack(found, axis=-1), jnp.nan)


def _lost(scores: Float[Array, "pair pair"]) -> Float[Array, " pair"]:
    return -jnp.diagonal(jax.nn.log_softmax(scores / TEMPERATURE, axis=-1))


def _hits(scores: Float[Array, "pair pair"]) -> Float[Array, " pair"]:
    is_best = scores == scores.max(-1, keepdims=True)
    count = is_best.sum(-1).astype(jnp.float32)
    return jnp.diagonal(is_best).astype(jnp.float32) / count
