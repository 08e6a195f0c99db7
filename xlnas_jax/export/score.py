"""Scores of an exported network on labelled text."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.subnet import apply_subnet
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch


def score_subnet(
    params: SubnetParams,
    shape: EncoderShape,
    pooling: str,
    task: Task,
    batches: tuple[Batch, ...],
    num_languages: int,
) -> dict[str, Float[np.ndarray, " lang"]]:
    """Every metric of the task, by language."""

    @functools.partial(jax.jit)
    def score(params: SubnetParams, batch: Batch) -> Float[Array, "lang stat"]:
        logits = apply_subnet(
            params, shape, pooling, batch.tokens, batch.segments, batch.length
        )
        values = task.statistics(logits, batch.label) * batch.weight[:, None]
        by_language = jax.nn.one_hot(batch.language, num_languages, dtype=jnp.float32)
        return jnp.einsum("bl,bs->ls", by_language, values)

    total = jnp.zeros((num_languages, task.num_statistics))
    for bucket in batches:
        for step in range(len(bucket.length)):
            one = jax.tree.map(lambda leaf, step=step: leaf[step], bucket)
            total = total + score(params, one)
    return {name: np.asarray(value) for name, value in task.metrics(total).items()}
