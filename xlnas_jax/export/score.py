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
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import Batch

SCORING = "scoring"


def score_subnet(
    params: SubnetParams,
    shape: EncoderShape,
    pooling: str,
    task: Task,
    data: ScoringData,
    moved: Moved | None = None,
    report: Report = unheard,
) -> list[Scores]:
    """Scores of each language of the data, in its order, as `score_predictions`.

    Args:
        report: is told how many batches are done, length by length.
    """

    @jax.jit
    def predict(params: SubnetParams, bucket: Batch) -> dict[str, Any]:
        def one(batch: Batch) -> dict[str, Any]:
            arrays = batch.tokens, batch.segments, batch.length, batch.head
            return task.predict(apply_subnet(params, shape, pooling, *arrays), batch)

        return jax.lax.map(one, bucket)

    # All buckets are dispatched before the first is read back.
    outputs = [predict(params, bucket) for bucket in data.batches]
    total, done = _num_batches(data), 0
    for bucket, output in zip(data.batches, outputs, strict=True):
        report(SCORING, done, total)
        jax.block_until_ready(output)
        done += len(bucket.tokens)
    report(SCORING, total, total)
    return score_predictions(task, data, outputs, moved)


def _num_batches(data: ScoringData) -> int:
    return sum(len(bucket.tokens) for bucket in data.batches)


def score_called(
    call: Call, task: Task, data: ScoringData, report: Report = unheard
) -> list[Scores]:
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
    total, done = _num_batches(data), 0
    for bucket in data.batches:
        found = []
        for number in range(len(bucket.tokens)):
            report(SCORING, done, total)
            found.append(one(pick(bucket, jax.device_put(np.int32(number)))))
            done += 1
        outputs.append(jax.tree.map(lambda *leaves: np.stack(leaves), *found))
    report(SCORING, total, total)
    return score_predictions(task, data, outputs)
