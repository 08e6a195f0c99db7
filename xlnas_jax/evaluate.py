"""The evaluator: a whole population to per-language statistics, in one call.

One program holds every length bucket. Per batch, tokens are embedded once for
all candidates, and in the sliced form so is every prefix of layers that candidates
share. Candidates are traced data, so neither their values nor their number (up to
the population) ever recompiles it.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, Int

from xlnas_jax.prefixes import Operations, plan_operations
from xlnas_jax.sharding import DATA, POP, deal
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.encoder import Stage
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import Supernet
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch

Rows = Int[np.ndarray, "pop site"]
# What the host prepares for the first so many of some candidates.
Plan = Callable[[Rows, int], Any]
_STEPS = PartitionSpec(DATA)


class Evaluator(NamedTuple):
    """Scores populations; call it with `(params, indices, num, batches)`.

    Attributes:
        evaluate: plans on the host, where the form needs a plan, and dispatches.
        program: the compiled function that it runs.
    """

    evaluate: Callable[..., Float[Array, "pop lang stat"]]
    program: Any

    def __call__(
        self,
        params: SupernetParams,
        indices: Int[Array, "pop site"] | Int[np.ndarray, "pop site"],
        num: Int[Array, ""] | int,
        batches: tuple[Batch, ...],
    ) -> Float[Array, "pop lang stat"]:
        """Statistics of the first `num` candidates; the other rows are zero."""
        return self.evaluate(params, indices, num, batches)


Predictor = Callable[
    [SupernetParams, Int[Array, " site"], tuple[Batch, ...]], tuple[dict[str, Any], ...]
]


def make_evaluator(
    supernet: Supernet,
    space: SearchSpace,
    task: Task,
    num_languages: int,
    form: str = "sliced",
    chunk: int = 8,
    mesh: Mesh | None = None,
    work: Callable[[Rows], Int[np.ndarray, " pop"]] | None = None,
) -> Evaluator:
    """Builds `(params, indices, num, batches) -> statistics` of one task.

    Only the first `num` candidates are scored; the rest of a population that found
    too few feasible candidates costs nothing. The sliced form runs what candidates
    share once (see `prefixes`), the masked one `chunk` candidates at a time under
    `vmap`.

    Args:
        mesh: devices to share the candidates (axis `pop`) and the steps of the
            batches (axis `data`, see `sharding.shard_steps`); one device if none.
        work: of each candidate, by which they are dealt out; all alike if none.
    """
    if form == "masked":
        run = _make_masked(supernet, space, task, num_languages, chunk)
        plan: Plan = _plan_masked
    else:
        run = _make_sliced(supernet, space, task, num_languages)
        plan = functools.partial(plan_operations, space)
    if mesh is not None and mesh.size > 1:
        return _make_sharded(run, plan, mesh, work)
    program = jax.jit(run)

    def evaluate(params: SupernetParams, indices, num, batches: tuple[Batch, ...]):
        rows = np.asarray(indices)
        return program(params, jnp.asarray(rows), plan(rows, int(num)), batches)

    return Evaluator(evaluate, program)


def _make_sharded(
    run: Callable[..., Any],
    plan: Plan,
    mesh: Mesh,
    work: Callable[[Rows], Int[np.ndarray, " pop"]] | None,
) -> Evaluator:
    """The same on many devices: candidates dealt out, sums over the data added up."""

    def local(params, table, plans, batches):
        own = jax.tree.map(lambda leaf: leaf[0], (table, plans))
        return jax.lax.psum(run(params, *own, batches), DATA)[None]

    spread = jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(POP), PartitionSpec(POP), _STEPS),
        out_specs=PartitionSpec(POP),
        check_vma=False,
    )

    @jax.jit
    def program(params, table, plans, batches, place, is_meant):
        sums = spread(params, table, plans, batches)
        sums = sums.reshape(-1, *sums.shape[2:])[place]
        return sums * is_meant[:, None, None]

    def evaluate(params: SupernetParams, indices, num, batches: tuple[Batch, ...]):
        rows, num = np.asarray(indices), int(num)
        weights = np.ones(num, np.int64) if work is None else work(rows[:num])
        hands = deal(weights, mesh.shape[POP])
        room = -(-len(rows) // len(hands))
        table = np.zeros((len(hands), room, rows.shape[1]), rows.dtype)
        place = np.zeros(len(rows), np.int32)
        for device, hand in enumerate(hands):
            table[device, : len(hand)] = rows[hand]
            place[hand] = device * room + np.arange(len(hand))
        plans = [plan(table[i], len(hand)) for i, hand in enumerate(hands)]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *plans)
        is_meant = (np.arange(len(rows)) < num).astype(np.float32)
        return program(params, table, stacked, batches, place, is_meant)

    return Evaluator(evaluate, program)


def _make_sliced(
    supernet: Supernet, space: SearchSpace, task: Task, num_languages: int
):
    """Follows a list of operations over a stack of activations, one for each depth."""
    depths = 2 * space.knob("keep").sites + 1
    add = _make_add(task, num_languages)

    def evaluate(
        params: SupernetParams,
        indices: Int[Array, "pop site"],
        plan: Operations,
        batches: tuple[Batch, ...],
    ) -> Float[Array, "pop lang stat"]:
        def add_batch(total: Float[Array, "..."], batch: Batch):
            x = supernet.embed(params.encoder.embeddings, batch)
            stack = jnp.zeros((depths, *x.shape), x.dtype).at[0].set(x)

            def score(stack, total, candidate, depth):
                arch = space.unflatten(indices[candidate])
                logits = supernet.read_out(params, stack[depth], batch, arch)
                return stack, total.at[candidate].add(add(logits, batch))

            def compute(stage: Stage):
                def branch(stack, total, layer, depth):
                    layers = params.encoder.layers
                    y = stage(stack[depth], layers, layer, batch.mask)
                    return stack.at[depth + 1].set(y), total

                return branch

            branches = [score, *(compute(stage) for stage in supernet.stages)]

            def operate(i: Int[Array, ""], carried):
                where = plan.layer[i], plan.depth[i]
                return jax.lax.switch(plan.branch[i], branches, *carried, *where)

            _, total = jax.lax.fori_loop(0, plan.num, operate, (stack, total))
            return total, None

        shape = (indices.shape[0], num_languages, task.num_statistics)
        total = jnp.zeros(shape, jnp.float32)
        for bucket in batches:
            total, _ = jax.lax.scan(add_batch, total, bucket)
        return total

    return evaluate


def _make_add(task: Task, num_languages: int):
    """Statistics of a batch, summed by language."""

    def add(logits: Float[Array, "..."], batch: Batch) -> Float[Array, "lang stat"]:
        values = task.statistics(logits, batch) * batch.weight[:, None]
        by_language = jax.nn.one_hot(batch.language, num_languages, dtype=jnp.float32)
        return jnp.einsum("bl,bs->ls", by_language, values)

    return add


def _plan_masked(rows: Rows, num: int) -> Int[np.ndarray, ""]:
    """All that the masked form needs to know beforehand."""
    return np.asarray(num, np.int32)


def _make_masked(
    supernet: Supernet, space: SearchSpace, task: Task, num_languages: int, chunk: int
):
    """Many candidates at a time, all at full size."""
    add = _make_add(task, num_languages)

    def score(
        params: SupernetParams, x: Hidden, batch: Batch, row: Int[Array, " site"]
    ):
        return add(supernet.apply(params, x, batch, space.unflatten(row)), batch)

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
            many = jax.vmap(score, in_axes=(None, None, None, 0))

            def add_chunk(i: Int[Array, ""], total: Float[Array, "..."]):
                return total.at[i].add(many(params, x, batch, chunks[i]))

            return jax.lax.fori_loop(0, num_chunks, add_chunk, total), None

        shape = (padded // chunk, chunk, num_languages, task.num_statistics)
        total = jnp.zeros(shape, jnp.float32)
        for bucket in batches:
            total, _ = jax.lax.scan(add_batch, total, bucket)
        # The last chunk may have scored more than were meant.
        is_meant = jnp.arange(size, dtype=jnp.int32) < num
        total = total.reshape(padded, *shape[2:])[:size]
        return total * is_meant.astype(jnp.float32)[:, None, None]

    return evaluate


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
