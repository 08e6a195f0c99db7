"""Official scores of an exported network on labelled text."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.forms.base import Call
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.results.scoring import Moved, Scores, score_predictions
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch


def score_subnet(
    params: SubnetParams,
    shape: EncoderShape,
    pooling: str,
    task: Task,
    data: ScoringData,
    moved: Moved | None = None,
) -> list[Scores]:
    """Scores of each language of the data, in its order, as `score_predictions`."""

    @jax.jit
    def predict(params: SubnetParams, bucket: Batch) -> dict[str, Any]:
        def one(batch: Batch) -> dict[str, Any]:
            arrays = batch.tokens, batch.segments, batch.length, batch.head
            return task.predict(apply_subnet(params, shape, pooling, *arrays), batch)

        return jax.lax.map(one, bucket)

    # All buckets are dispatched before the first is read back.
    outputs = [predict(params, bucket) for bucket in data.batches]
    return score_predictions(task, data, outputs, moved)


def score_called(call: Call, task: Task, data: ScoringData) -> list[Scores]:
    """The same of a network that another library runs, batch by batch."""
    predict = jax.jit(task.predict)

    @jax.jit
    def pick(bucket: Batch, index: Int[Array, ""]) -> Batch:
        return jax.tree.map(lambda leaf: leaf[index], bucket)

    def one(batch: Batch) -> dict[str, Any]:
        arrays = batch.tokens, batch.segments, batch.length
        logits = call(*map(np.asarray, arrays))
        return predict(jnp.asarray(logits), batch)

    outputs = []
    for bucket in data.batches:
        numbers = range(len(bucket.tokens))
        found = [
            one(pick(bucket, jax.device_put(np.int32(number)))) for number in numbers
        ]
        outputs.append(jax.tree.map(lambda *leaves: np.stack(leaves), *found))
    return score_predictions(task, data, outputs)
