"""How far predictions are from a teacher's: a metric that needs no labels."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.tasks.base import Statistics, Task, Values
from xlnas_jax.types import Batch

DIVERGENCE = "divergence"


def with_divergence(task: Task) -> Task:
    """The task, which also measures the divergence from `Batch.said`, in nats.

    The mean Kullback-Leibler divergence of predictions from the teacher's: over
    sentences, over words or, of text without labels, tokens, and over both ends of
    answers. It is known of text without labels too.
    """

    def statistics(
        logits: Float[Array, "..."], batch: Batch
    ) -> Float[Array, "batch stat"]:
        assert batch.said is not None
        found = task.distill(logits, batch.said.logits, batch, 1.0)
        apart = jnp.stack([found.total, found.num.astype(jnp.float32)], axis=-1)
        return jnp.concatenate([task.statistics(logits, batch), apart], axis=-1)

    def metrics(sums: Statistics) -> Values:
        count = sums[..., -1].clip(min=1.0)
        own = task.metrics(sums[..., :-2])
        return {**own, DIVERGENCE: sums[..., -2] / count}

    return task._replace(
        statistics=statistics,
        metrics=metrics,
        num_statistics=task.num_statistics + 2,
        measures_divergence=True,
    )
