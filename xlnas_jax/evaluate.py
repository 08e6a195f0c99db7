"""The evaluator: a whole population to per-language statistics, in one call.

One program holds every length bucket. Per batch, tokens are embedded once for
all candidates; candidates are traced data, so neither their values nor their
number (up to the population) ever recompiles it.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import Supernet
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch

Evaluator = Callable[
    [SupernetParams, Int[Array, "pop site"], Int[Array, ""], tuple[Batch, ...]],
    Float[Array, "pop lang stat"],
]
Predictor = Callable[
    [SupernetParams, Int[Array, " site"], tuple[Batch, ...]], tuple[dict[str, Any], ...]
]


def make_evaluator(
    supernet: Supernet,
    space: SearchSpace,
    task: Task,
    num_languages: int,
    chunk: int = 1,
) -> Evaluator:
    """Builds `(params, indices, num, batches) -> statistics` of one task.

    Only the first `num` candidates are scored, `chunk` at a time under `vmap`;
    the rest of a population that found too few feasible candidates costs
    nothing. `chunk` is 1 for the sliced form, where a switch must stay a branch.
    """

    def score(
        params: SupernetParams, x: Hidden, batch: Batch, row: Int[Array, " site"]
    ):
        logits = supernet.apply(params, x, batch, space.unflatten(row))
        values = task.statistics(logits, batch) * batch.weight[:, None]
        by_language = jax.nn.one_hot(batch.language, num_languages, dtype=jnp.float32)
        return jnp.einsum("bl,bs->ls", by_language, values)

    def score_chunk(params: SupernetParams, x: Hidden, batch: Batch, rows):
        if chunk == 1:
            return score(params, x, batch, rows[0])[None]
        return jax.vmap(score, in_axes=(None, None, None, 0))(params, x, batch, rows)

    def evaluate(
        params: SupernetParams,
        indices: Int[Array, "pop site"],
        num: Int[Array, ""],
        batches: tuple[Batch, ...],
    ) -> Float[Array, "pop lang stat"]:
        size = indices.shape[0]
        padded = -(-size // chunk) * chunk
        chunks = jnp.pad(indices, ((0, padded - size), (0, 0)), mode="edge")
        chunks = chunks.reshape(padded // chunk, chunk, indices.shape[1])
        num_chunks = (num + chunk - 1) // chunk

        def add_batch(total: Float[Array, "..."], batch: Batch):
            x = supernet.embed(params.encoder.embeddings, batch)

            def add_chunk(i: Int[Array, ""], total: Float[Array, "..."]):
                return total.at[i].add(score_chunk(params, x, batch, chunks[i]))

            return jax.lax.fori_loop(0, num_chunks, add_chunk, total), None

        shape = (padded // chunk, chunk, num_languages, task.num_statistics)
        total = jnp.zeros(shape, jnp.float32)
        for bucket in batches:
            total, _ = jax.lax.scan(add_batch, total, bucket)
        return total.reshape(padded, *shape[2:])[:size]

    return jax.jit(evaluate)


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
