"""Classification of sentences and of pairs: cross-entropy, accuracy, macro-F1."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.tasks.base import (
    Losses,
    Statistics,
    Task,
    Values,
    divergence,
    guarded,
    negative_log_likelihood,
)
from xlnas_jax.types import Batch


def make_classification(labels: tuple[str, ...], label_smoothing: float = 0.0) -> Task:
    """The task of choosing one of `labels`; `Batch.label` holds class ids.

    Statistics are the number of examples, the summed loss, and the confusion
    matrix (gold by predicted, flattened).
    """
    size = len(labels)

    def loss(logits: Float[Array, "batch label"], batch: Batch) -> Losses:
        nll = negative_log_likelihood(logits, batch.label, label_smoothing)
        return Losses(nll, jnp.ones_like(nll))

    def distill(
        logits: Float[Array, "batch label"],
        teacher: Float[Array, "batch label"],
        batch: Batch,
        temperature: float,
    ) -> Losses:
        total = divergence(logits, teacher, temperature)
        return Losses(total, jnp.ones_like(total))

    def statistics(
        logits: Float[Array, "batch label"], batch: Batch
    ) -> Float[Array, "batch stat"]:
        label = batch.label
        nll = negative_log_likelihood(logits, label)[:, None]
        cell = label * size + logits.argmax(-1).astype(label.dtype)
        confusion = jax.nn.one_hot(cell, size * size, dtype=jnp.float32)
        return jnp.concatenate([jnp.ones_like(nll), nll, confusion], axis=-1)

    def metrics(sums: Statistics) -> Values:
        count = sums[..., 0].clip(min=1.0)
        confusion = sums[..., 2:].reshape((*sums.shape[:-1], size, size))
        hits = confusion.trace(axis1=-2, axis2=-1)
        diagonal = confusion.diagonal(axis1=-2, axis2=-1)
        # Classes that are neither in gold nor predicted take no part in the mean.
        total = confusion.sum(-1) + confusion.sum(-2)
        seen = total > 0
        f1 = 2.0 * diagonal / total.clip(min=1.0)
        return {
            "accuracy": hits / count,
            "error": 1.0 - hits / count,
            "macro_f1": f1.sum(-1) / seen.sum(-1).clip(min=1).astype(f1.dtype),
            "loss": sums[..., 1] / count,
        }

    def predict(logits: Float[Array, "batch label"], batch: Batch) -> dict[str, Any]:
        return {"label": logits.argmax(-1).astype(jnp.int32)}

    task = Task(
        kind="classification",
        labels=labels,
        num_outputs=size,
        reads_tokens=False,
        num_statistics=2 + size * size,
        primary="accuracy",
        loss=loss,
        distill=distill,
        statistics=statistics,
        metrics=metrics,
        predict=predict,
    )
    return guarded(task)
