"""How much worse than a teacher a network is, by the task's own error."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.tasks.base import Statistics, Task, Values
from xlnas_jax.types import Batch

DROP = "drop"


def with_drop(task: Task) -> Task:
    """The task, which also measures the error beyond that of `Batch.said`.

    The teacher's statistics of the same rows are kept beside the network's, so that
    the drop is that of the metric itself, whatever it is made of. It is negative where
    the network is better.
    """
    size = task.num_statistics

    def statistics(
        logits: Float[Array, "..."], batch: Batch
    ) -> Float[Array, "batch stat"]:
        assert batch.said is not None
        both = [task.statistics(said, batch) for said in (logits, batch.said.logits)]
        return jnp.concatenate(both, axis=-1)

    def metrics(sums: Statistics) -> Values:
        own, full = task.metrics(sums[..., :size]), task.metrics(sums[..., size:])
        return {**own, DROP: own["error"] - full["error"]}

    return task._replace(
        statistics=statistics, metrics=metrics, num_statistics=2 * size
    )
