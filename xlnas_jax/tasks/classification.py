"""Sentence classification: cross-entropy, accuracy, macro-F1."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xlnas_jax.tasks.base import PerExample, Statistics, Task


def make_classification(labels: tuple[str, ...], label_smoothing: float = 0.0) -> Task:
    """The task of choosing one of `labels` for a sentence.

    Statistics are the number of examples, the summed loss, and the confusion
    matrix (gold by predicted, flattened).
    """
    size = len(labels)

    def loss(
        logits: Float[Array, "batch label"], label: Int[Array, " batch"]
    ) -> PerExample:
        log_p = jax.nn.log_softmax(logits, axis=-1)
        gold = jnp.take_along_axis(log_p, label[:, None], axis=-1)[:, 0]
        return -(1.0 - label_smoothing) * gold - label_smoothing * log_p.mean(-1)

    def distill(
        logits: Float[Array, "batch label"],
        teacher: Float[Array, "batch label"],
        temperature: float,
    ) -> PerExample:
        log_p = jax.nn.log_softmax(logits / temperature, axis=-1)
        log_q = jax.nn.log_softmax(teacher / temperature, axis=-1)
        return temperature**2 * (jnp.exp(log_q) * (log_q - log_p)).sum(-1)

    def statistics(
        logits: Float[Array, "batch label"], label: Int[Array, " batch"]
    ) -> Float[Array, "batch stat"]:
        log_p = jax.nn.log_softmax(logits, axis=-1)
        nll = -jnp.take_along_axis(log_p, label[:, None], axis=-1)
        cell = label * size + logits.argmax(-1).astype(label.dtype)
        confusion = jax.nn.one_hot(cell, size * size, dtype=jnp.float32)
        return jnp.concatenate([jnp.ones_like(nll), nll, confusion], axis=-1)

    def metrics(sums: Statistics) -> dict[str, Float[Array, "*lead"]]:
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

    return Task(
        name="classification",
        labels=labels,
        num_statistics=2 + size * size,
        loss=loss,
        distill=distill,
        statistics=statistics,
        metrics=metrics,
    )
