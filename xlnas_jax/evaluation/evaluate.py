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
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.devices.sharding import DATA, POP, constrain
from xlnas_jax.evaluation.dealing import ROOM, Hand, Work, deal, deal_prefixes
from xlnas_jax.evaluation.prefixes import Operations, plan_operations
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.encoder import Operation
from xlnas_jax.supernet.layers import Embedded
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.stages.vocabulary import by_choice, is_chosen
from xlnas_jax.supernet.supernet import Supernet
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch

Rows = Int[np.ndarray, "pop site"]
# What the host prepares for the first so many of some candidates.
Plan = Callable[[Rows, int], Any]
Deal = Callable[[Rows, int], list[Hand]]
# What is kept of a candidate's logits on one batch.
Measure = Callable[[Float[Array, "..."], Batch], Float[Array, "..."]]
# `(params, indices, plan, batch, total) -> total`, with what was measured added.
BatchScorer = Callable[..., Float[Array, "pop ..."]]
RowScorer = Callable[..., tuple[Float[Array, "pop _ _ stat"], ...]]
_STEPS = PartitionSpec(DATA)


class Evaluator(NamedTuple):
    """Scores populations; call it with `(params, indices, num, batches)`.

    Attributes:
        evaluate: plans on the host, where the form needs a plan, and dispatches.
        program: the compiled function that it runs.
    """

    evaluate: Callable[..., Any]
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


def make_evaluator(
    supernet: Supernet,
    space: SearchSpace,
    task: Task,
    num_languages: int,
    form: str = "sliced",
    chunk: int = 8,
    mesh: Mesh | None = None,
    work: Work | None = None,
) -> Evaluator:
    """Builds `(params, indices, num, batches) -> statistics` of one task.

    Only the first `num` candidates are scored; the rest of a population that found
    too few feasible candidates costs nothing. The sliced form runs what candidates
    share once (see `prefixes`), the masked one `chunk` candidates at a time under
    `vmap`.

    Args:
        mesh: devices to share the candidates (axis `pop`) and the steps of the
            batches (axis `data`, see `sharding.shard_steps`); one device if none.
        work: of stages (`CostModel.stages`), by which sliced candidates are
            dealt out; all alike if none.
    """
    add = _make_add(task, num_languages)
    score, plan = _make_form(supernet, space, add, form, chunk)
    run = _make_summing(supernet, score, (num_languages, task.num_statistics))
    total = functools.partial(jax.lax.psum, axis_name=DATA)
    return _compile(run, plan, mesh, _make_deal(space, form, work), total)


def make_row_scorer(
    supernet: Supernet,
    space: SearchSpace,
    task: Task,
    form: str = "sliced",
    chunk: int = 8,
    mesh: Mesh | None = None,
    work: Work | None = None,
) -> RowScorer:
    """Builds `(params, indices, num, batches) -> statistics` of each row.

    As `make_evaluator`, but what it would sum by language is given row by row, of
    each bucket; rows of weight 0, and of candidates beyond `num`, are zero.
    """

    def keep(logits: Float[Array, "..."], batch: Batch) -> Float[Array, "batch stat"]:
        return weighted(task, logits, batch)

    size = task.num_statistics
    return make_row_measure(supernet, space, keep, size, form, chunk, mesh, work)


def make_row_measure(
    supernet: Supernet,
    space: SearchSpace,
    measure: Measure,
    size: int,
    form: str = "sliced",
    chunk: int = 8,
    mesh: Mesh | None = None,
    work: Work | None = None,
) -> RowScorer:
    """As `make_row_scorer`, but gives any `size` numbers that are measured of a row."""
    score, plan = _make_form(supernet, space, measure, form, chunk)
    run = _make_keeping(supernet, score, size)
    steps = functools.partial(jax.lax.all_gather, axis_name=DATA, axis=1, tiled=True)
    return _compile(run, plan, mesh, _make_deal(space, form, work), steps).evaluate


def _make_form(
    supernet: Supernet, space: SearchSpace, measure: Measure, form: str, chunk: int
) -> tuple[BatchScorer, Plan]:
    """One batch for all candidates, and what is planned for it."""
    if form == "masked":
        return _make_masked(supernet, space, measure, chunk), _plan_masked
    plan = functools.partial(plan_operations, space)
    return _make_sliced(supernet, space, measure), plan


def _make_deal(space: SearchSpace, form: str, work: Work | None) -> Deal:
    """Who scores what: masked candidates cost the same, sliced ones what is theirs."""
    if form == "masked":
        return lambda rows, hands: deal(len(rows), hands)
    if work is None:
        work = [[1] * len(space.options(stage)) for stage in space.stages]
    return functools.partial(deal_prefixes, space, work)


def _make_summing(supernet: Supernet, score: BatchScorer, shape: tuple[int, int]):
    """What was measured, added up over all batches."""

    def run(params: SupernetParams, indices, plan, batches: tuple[Batch, ...]):
        params = supernet.cast(params)

        def add_batch(total: Float[Array, "..."], batch: Batch):
            return score(params, indices, plan, batch, total), None

        total = jnp.zeros((indices.shape[0], *shape), jnp.float32)
        for bucket in batches:
            total, _ = jax.lax.scan(add_batch, total, bucket)
        return total

    return run


def _make_keeping(supernet: Supernet, score: BatchScorer, num_statistics: int):
    """What was measured of every row of every batch."""

    def run(params: SupernetParams, indices, plan, batches: tuple[Batch, ...]):
        params = supernet.cast(params)

        def one(batch: Batch) -> Float[Array, "pop batch stat"]:
            shape = (indices.shape[0], batch.length.shape[0], num_statistics)
            return score(params, indices, plan, batch, jnp.zeros(shape, jnp.float32))

        return tuple(jax.lax.map(one, bucket).swapaxes(0, 1) for bucket in batches)

    return run


def _compile(
    run: Callable[..., Any],
    plan: Plan,
    mesh: Mesh | None,
    deal_out: Deal,
    gather: Callable[[Array], Array],
) -> Evaluator:
    """A program for the devices there are; `gather` joins what those of `data` find."""
    if mesh is not None and mesh.size > 1:
        return _make_sharded(run, plan, mesh, deal_out, gather)
    program = jax.jit(run)

    def evaluate(params: SupernetParams, indices, num, batches: tuple[Batch, ...]):
        rows = np.asarray(indices)
        return program(params, jax.device_put(rows), plan(rows, int(num)), batches)

    return Evaluator(evaluate, program)


def _make_sharded(
    run: Callable[..., Any],
    plan: Plan,
    mesh: Mesh,
    deal_out: Deal,
    gather: Callable[[Array], Array],
) -> Evaluator:
    """The same on many devices: candidates dealt out, and put back in order."""

    def local(params, table, plans, batches):
        own = jax.tree.map(lambda leaf: leaf[0], (table, plans))
        found = run(params, *own, batches)
        return jax.tree.map(lambda leaf: gather(leaf)[None], found)

    spread = jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(PartitionSpec(), PartitionSpec(POP), PartitionSpec(POP), _STEPS),
        out_specs=PartitionSpec(POP),
        check_vma=False,
    )

    @jax.jit
    def program(params, table, plans, batches, place, is_meant):
        def put_back(leaf: Array) -> Array:
            leaf = leaf.reshape(-1, *leaf.shape[2:])[place]
            return _only(is_meant, leaf)

        # Weights that are kept in parts are put together here, once a population:
        # within `local` devices take different branches at different times, and a
        # message in one of them would wait for devices that never come to it.
        params = constrain(mesh, params)
        found = jax.tree.map(put_back, spread(params, table, plans, batches))
        # Whole on every device, so that every process can read them.
        return constrain(mesh, found)

    def evaluate(params: SupernetParams, indices, num, batches: tuple[Batch, ...]):
        rows, num = np.asarray(indices), int(num)
        hands = deal_out(rows[:num], mesh.shape[POP])
        room = min(len(rows), ROOM * -(-len(rows) // len(hands)))
        table = np.zeros((len(hands), room, rows.shape[1]), rows.dtype)
        place = np.zeros(len(rows), np.int32)
        for device, hand in enumerate(hands):
            table[device, : len(hand)] = rows[hand]
            place[hand] = device * room + np.arange(len(hand))
        plans = [plan(table[i], len(hand)) for i, hand in enumerate(hands)]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *plans)
        is_meant = np.arange(len(rows)) < num
        return program(params, table, stacked, batches, place, is_meant)

    return Evaluator(evaluate, program)


def _make_sliced(
    supernet: Supernet, space: SearchSpace, measure: Measure
) -> BatchScorer:
    """Follows a list of operations over a stack of activations, one for each depth."""
    has_choice = is_chosen(space)
    depths = len(space.stages) * space.gate.sites + 1 + has_choice

    def score_batch(
        params: SupernetParams,
        indices: Int[Array, "pop site"],
        plan: Operations,
        batch: Batch,
        total: Float[Array, "pop ..."],
    ) -> Float[Array, "pop ..."]:
        every = supernet.embed(params.encoder.embeddings, batch)
        x = supernet.pick(every, None)
        stack = jnp.zeros((depths, *x.shape), x.dtype).at[0].set(x)

        def score(stack, total, candidate, depth):
            arch = space.unflatten(indices[candidate])
            hidden = supernet.close(params, stack[depth])
            logits = supernet.read_out(params, hidden, batch, arch)
            return stack, total.at[candidate].add(measure(logits, batch))

        def compute(operation: Operation):
            def branch(stack, total, layer, depth):
                y = operation(stack[depth], supernet.layers(params), layer, batch.mask)
                return stack.at[depth + 1].set(y), total

            return branch

        def begin(stack, total, choice, depth):
            return stack.at[depth + 1].set(by_choice(every, choice)), total

        branches = [score, *(compute(operation) for operation in supernet.operations)]
        if has_choice:
            branches.append(begin)

        def operate(i: Int[Array, ""], carried):
            where = plan.layer[i], plan.depth[i]
            return jax.lax.switch(plan.branch[i], branches, *carried, *where)

        _, total = jax.lax.fori_loop(0, plan.num, operate, (stack, total))
        return total

    return score_batch


def _make_add(task: Task, num_languages: int):
    """Statistics of a batch, summed by language."""

    def add(logits: Float[Array, "..."], batch: Batch) -> Float[Array, "lang stat"]:
        return sum_by_language(
            weighted(task, logits, batch), batch.language, num_languages
        )

    return add


def sum_by_language(
    values: Float[Array, "row stat"], language: Int[Array, " row"], num: int
) -> Float[Array, "lang stat"]:
    """Statistics of rows added up; a language is NaN where one of its rows is."""
    by_language = jax.nn.one_hot(language, num, dtype=jnp.float32)
    # A row that failed fails its own language: 0 times NaN would be NaN in all.
    has_failed = jnp.isnan(values).any(-1)
    total = jnp.einsum("bl,bs->ls", by_language, _only(~has_failed, values))
    num_failed = has_failed.astype(jnp.float32) @ by_language
    return jnp.where(num_failed[:, None] > 0, jnp.nan, total)


def weighted(
    task: Task, logits: Float[Array, "..."], batch: Batch
) -> Float[Array, "batch stat"]:
    """Statistics of each row; zero, whatever its logits are, of one that only fills."""
    values = _only(batch.weight > 0, task.statistics(logits, batch))
    return values * batch.weight[:, None]


def _only(
    is_meant: Bool[Array, " row"], values: Float[Array, "row ..."]
) -> Float[Array, "row ..."]:
    """Zero in the other rows, also where they are NaN, which 0 times it is not."""
    return jnp.where(is_meant.reshape(-1, *[1] * (values.ndim - 1)), values, 0.0)


def _plan_masked(rows: Rows, num: int) -> Int[np.ndarray, ""]:
    """All that the masked form needs to know beforehand."""
    return np.asarray(num, np.int32)


def _make_masked(
    supernet: Supernet, space: SearchSpace, measure: Measure, chunk: int
) -> BatchScorer:
    """Many candidates at a time, all at full size."""

    def score(
        params: SupernetParams, x: Embedded, batch: Batch, row: Int[Array, " site"]
    ):
        return measure(supernet.apply(params, x, batch, space.unflatten(row)), batch)

    many = jax.vmap(score, in_axes=(None, None, None, 0))

    def score_batch(
        params: SupernetParams,
        indices: Int[Array, "pop site"],
        num: Int[Array, ""],
        batch: Batch,
        total: Float[Array, "pop ..."],
    ) -> Float[Array, "pop ..."]:
        size, rest = total.shape[0], total.shape[1:]
        padded = -(-size // chunk) * chunk
        chunks = jnp.pad(indices, ((0, padded - size), (0, 0)), mode="edge")
        chunks = chunks.reshape(padded // chunk, chunk, indices.shape[1])
        x = supernet.embed(params.encoder.embeddings, batch)

        def add_chunk(i: Int[Array, ""], found: Float[Array, "..."]):
            return found.at[i].set(many(params, x, batch, chunks[i]))

        found = jnp.zeros((padded // chunk, chunk, *rest), jnp.float32)
        num_chunks = (num + chunk - 1) // chunk
        found = jax.lax.fori_loop(0, num_chunks, add_chunk, found)
        found = found.reshape(padded, *rest)[:size]
        # The last chunk may have scored more than were meant.
        return total + _only(jnp.arange(size, dtype=jnp.int32) < num, found)

    return score_batch
