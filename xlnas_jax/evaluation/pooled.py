"""Scores of tasks whose rows say something side by side alone: retrieval.

Vectors come from the same compiled programs as logits, with the layers that candidates
share computed once; what they say of each other is computed from all of them.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from xlnas_jax.data.batches.buckets import Places
from xlnas_jax.data.batches.pair_rows import Pool
from xlnas_jax.evaluation.dealing import Work
from xlnas_jax.evaluation.evaluate import (
    RowScorer,
    make_row_measure,
    sum_by_language,
    weighted,
)
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import Supernet
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch

# `(params, indices, num, batches) -> sums` of every language.
Evaluate = Callable[..., Float[Array, "pop lang stat"]]


def make_pooled_evaluator(
    supernet: Supernet,
    space: SearchSpace,
    task: Task,
    num_languages: int,
    pools: Sequence[Pool],
    form: str = "sliced",
    chunk: int = 8,
    mesh: Mesh | None = None,
    work: Work | None = None,
) -> Evaluate:
    """As `evaluate.make_evaluator`, of a task that compares the rows of pools."""
    rest = form, chunk, mesh, work
    score = make_pooled_row_scorer(supernet, space, task, pools, *rest)

    @jax.jit
    def add(
        found: tuple[Float[Array, "pop _ _ stat"], ...], batches: tuple[Batch, ...]
    ) -> Float[Array, "pop lang stat"]:
        rows = flat_rows(found)
        language = jnp.concatenate([one.language.ravel() for one in batches])
        by_candidate = jax.vmap(sum_by_language, in_axes=(0, None, None))
        return by_candidate(rows, language, num_languages)

    def evaluate(params: SupernetParams, indices, num: int, batches):
        return add(score(params, indices, num, batches), batches)

    return evaluate


def make_pooled_row_scorer(
    supernet: Supernet,
    space: SearchSpace,
    task: Task,
    pools: Sequence[Pool],
    form: str = "sliced",
    chunk: int = 8,
    mesh: Mesh | None = None,
    work: Work | None = None,
) -> RowScorer:
    """As `evaluate.make_row_scorer`: statistics of a pair stand at its own row.

    Args:
        pools: of every language, where its pairs stand in the first of the batches.
            Others may follow, which are compared with nothing.
    """
    compare = task.compare
    assert compare is not None
    width = task.num_outputs

    def keep(logits: Float[Array, "..."], batch: Batch) -> Float[Array, "batch _"]:
        vectors = jnp.where(batch.weight[:, None] > 0, logits, 0.0)
        return jnp.concatenate([vectors, weighted(task, logits, batch)], axis=-1)

    size = width + task.num_statistics
    encode = make_row_measure(supernet, space, keep, size, form, chunk, mesh, work)

    @jax.jit
    def beside(
        found: tuple[Float[Array, "pop _ _ both"], ...], num: Int[Array, ""]
    ) -> tuple[Float[Array, "pop _ _ stat"], ...]:
        flat = flat_rows(found)
        vectors, statistics = flat[..., :width], flat[..., width:]
        is_meant = (jnp.arange(len(flat), dtype=jnp.int32) < num)[:, None, None]
        for pool in pools:
            ours, theirs = (rows_at(found, side) for side in pool)
            own = jax.vmap(compare)(vectors[:, ours], vectors[:, theirs])
            own = jnp.where(is_meant, own, 0.0)
            statistics = statistics.at[:, ours, : own.shape[-1]].add(own)
        return _like(found, statistics)

    def score(
        params: SupernetParams, indices, num: int, batches: tuple[Batch, ...]
    ) -> tuple[Float[Array, "pop _ _ stat"], ...]:
        return beside(encode(params, indices, num, batches), np.int32(num))

    return score


def flat_rows(found: tuple[Array, ...]) -> Float[Array, "pop row _"]:
    """The rows of all buckets, one after another."""
    flat = [one.reshape(one.shape[0], -1, one.shape[-1]) for one in found]
    return jnp.concatenate(flat, axis=1)


def _like(
    found: tuple[Array, ...], rows: Float[Array, "pop row stat"]
) -> tuple[Float[Array, "pop _ _ stat"], ...]:
    """Rows in buckets again."""
    counts = [one.shape[1] * one.shape[2] for one in found]
    parts = jnp.split(rows, np.cumsum(counts)[:-1], axis=1)
    return tuple(
        part.reshape(*one.shape[:3], -1) for part, one in zip(parts, found, strict=True)
    )


def rows_at(found: tuple[Array, ...], places: Places) -> Int[Array, " pair"]:
    """Positions among the rows of all buckets.

    Devices may have filled buckets up, always behind what was there.
    """
    starts = np.cumsum([0, *(one.shape[1] * one.shape[2] for one in found)])
    return jnp.asarray(starts[places[:, 0]] + places[:, 1], jnp.int32)
