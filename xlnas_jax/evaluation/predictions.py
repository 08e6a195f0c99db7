"""What one network predicts of every row."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Int

from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import Supernet
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch

Predictor = Callable[
    [SupernetParams, Int[Array, " site"], tuple[Batch, ...]], tuple[dict[str, Any], ...]
]


def make_predictor(supernet: Supernet, space: SearchSpace, task: Task) -> Predictor:
    """Builds `(params, indices, batches) -> predictions` of one candidate.

    What `Task.predict` gives for every row, bucket by bucket, with leading axes
    `steps batch`; for reports, which score it on the host by the official rules.
    """

    def predict(
        params: SupernetParams, row: Int[Array, " site"], batches: tuple[Batch, ...]
    ) -> tuple[dict[str, Any], ...]:
        def one(batch: Batch) -> dict[str, Any]:
            x = supernet.embed(params.encoder.embeddings, batch)
            logits = supernet.apply(params, x, batch, space.unflatten(row))
            return task.predict(logits, batch)

        return tuple(jax.lax.map(one, bucket) for bucket in batches)

    return jax.jit(predict)
