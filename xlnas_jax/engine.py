"""Builds the functions of `search.Engine` from an experiment and its arrays."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from xlnas_jax.config import Config
from xlnas_jax.controllers import make_controller
from xlnas_jax.controllers.base import Controller, Told
from xlnas_jax.data import buckets
from xlnas_jax.evaluate import Evaluator, make_evaluator
from xlnas_jax.experiment import Experiment, init_params
from xlnas_jax.objectives import objective_matrix
from xlnas_jax.pareto import Archive, init_archive, insert
from xlnas_jax.search import Engine, Proposal, SearchState
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.supernet.reorder import importance, reorder
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.supernet.train import (
    Learner,
    init_learner,
    make_optimizer,
    make_weight_steps,
    take_batch,
)
from xlnas_jax.types import Batch, Evaluation

REPORTED = ("accuracy", "macro_f1", "loss")
# Candidates drawn at a time while looking for feasible ones.
DRAWS = 64
IMPORTANCE_BATCHES = 32


def make_engine(
    experiment: Experiment, rows: tuple[Batch, ...], heldout: tuple[Batch, ...]
) -> tuple[Engine, SearchState]:
    """The round's functions and the state before the first round."""
    config = experiment.config
    num_steps = config.train.pretune_steps
    num_steps += config.search.rounds * config.search.weight_steps
    params = init_params(experiment)
    optimizer = make_optimizer(config.train, params, num_steps)
    controller = _make_controller(experiment)
    evaluator = make_population_evaluator(experiment, len(experiment.roles.aux_heldout))
    engine = Engine(
        num_warm_up=num_warm_up(config),
        learn=_make_learn(experiment, rows, optimizer),
        propose=_make_propose(experiment, controller),
        evaluate=lambda params, indices, num: evaluator(
            params, jnp.asarray(indices), jnp.asarray(num, jnp.int32), heldout
        ),
        judge=make_judge(experiment),
        insert=_make_insert(experiment),
        controller=controller,
    )
    num_values = len(experiment.roles.aux_heldout) * len(REPORTED)
    archive = init_archive(
        config.search.archive_size,
        len(experiment.space.num_choices),
        len(experiment.objectives),
        num_values,
    )
    zero = np.zeros((), np.int32)
    state = SearchState(
        learner=init_learner(params, optimizer),
        controller=controller.init(round_key(config, "init", 0)),
        archive=archive,
        round=zero,
        evaluated=zero,
        rejected=zero,
    )
    return engine, state


def round_key(config: Config, purpose: str, number: int) -> Key[Array, ""]:
    """The random key of one purpose in one round; nothing to save, nothing reused."""
    purposes = ("init", "ask", "control")
    key = jax.random.fold_in(jax.random.key(config.seed), purposes.index(purpose))
    return jax.random.fold_in(key, number)


def make_population_evaluator(experiment: Experiment, num_languages: int) -> Evaluator:
    """The evaluator in the configured form and precision."""
    config = experiment.config.evaluate
    space, shape = experiment.space, experiment.shape
    supernet = make_supernet(space, shape, config.form, config.precision)
    chunk = config.chunk if config.form == "masked" else 1
    return make_evaluator(supernet, space, experiment.task, num_languages, chunk)


def _make_controller(experiment: Experiment) -> Controller:
    """The configured strategy, compiled, with costs scaled by the full network's."""
    config, space = experiment.config, experiment.space
    full = np.asarray(space.flatten(space.largest()))[None]
    counts = experiment.costs(full)
    scales = tuple(
        float(counts[o.name][0]) if o.is_cost else 1.0
        for o in experiment.objectives[1:]
    )
    made = make_controller(config.controller, space, config.search.rounds, scales)
    return made._replace(
        ask=jax.jit(made.ask, static_argnums=2),
        tell=jax.jit(made.tell),
        summary=jax.jit(made.summary),
    )


def num_warm_up(config: Config) -> int:
    """Rounds of warm-up: as many as hold `pretune_steps`, the last one cut short."""
    return -(-config.train.pretune_steps // config.search.weight_steps)


def _make_learn(experiment: Experiment, rows: tuple[Batch, ...], optimizer: Any):
    """The weight steps of a round, and the reordering at the end of the warm-up."""
    config = experiment.config
    train, count = config.train, config.search.weight_steps
    supernet = make_supernet(
        experiment.space,
        experiment.shape,
        "sliced",
        train.precision,
        train.dropout,
        remat_branches=True,
        remat_layers=train.remat,
    )
    space, task = experiment.space, experiment.task
    steps = make_weight_steps(train, supernet, space, task, optimizer, config.seed)
    sizes = tuple(len(bucket.length) for bucket in rows)
    per_epoch = buckets.steps_per_epoch(sizes, train.batch_size)
    warm_up = num_warm_up(config)

    @functools.lru_cache(maxsize=2)
    def plan(epoch: int):
        return buckets.epoch_plan(config.seed, epoch, sizes, train.batch_size)

    def learn(learner: Learner, number: int) -> tuple[Learner, Float[Array, ""]]:
        is_warm_up = number < warm_up
        first = number * count
        last = min(first + count, train.pretune_steps) if is_warm_up else first + count
        if not is_warm_up:
            # The last round of the warm-up may have been a short one.
            shift = train.pretune_steps - warm_up * count
            first, last = first + shift, last + shift
        take = steps.full if is_warm_up else steps.sandwich
        loss = jnp.zeros(())
        for step in range(first, last):
            bucket, index, weight = plan(step // per_epoch)[step % per_epoch]
            learner, loss = take(learner, rows[bucket], index, weight)
        if number == warm_up - 1 and train.reorder:
            learner = sort(learner)
        return learner, loss

    def sort(learner: Learner) -> Learner:
        measure = _make_importance(experiment)
        batches = plan(0)[:IMPORTANCE_BATCHES]
        parts = [measure(learner.params, rows[b], i, w) for b, i, w in batches]
        ranking = functools.reduce(lambda a, b: jax.tree.map(jnp.add, a, b), parts)
        return jax.jit(reorder, donate_argnums=0)(learner, ranking)

    return learn


def _make_importance(experiment: Experiment):
    """Importance of heads and neurons on one training batch, compiled."""
    poolings = experiment.space.knob("pooling").choices
    pooling = "mean" if "mean" in poolings else str(poolings[-1])

    def measure(params, rows: Batch, index, weight):
        batch = take_batch(rows, index, weight)
        return importance(params, experiment.shape, experiment.task, pooling, batch)

    return jax.jit(measure)


def _make_propose(experiment: Experiment, controller: Controller):
    """Draws from the controller until enough candidates are within the limits.

    Rejection keeps the accepted candidates distributed as the policy given that
    it is feasible, which is what the policy gradient needs.
    """
    config = experiment.config

    def propose(state: Any, number: int) -> Proposal:
        size = config.search.population
        draws = max(size, DRAWS)
        key = round_key(config, "ask", number)
        kept = np.zeros((0, len(experiment.space.num_choices)), np.int32)
        rejected = 0
        for attempt in range(config.search.max_tries):
            rows = controller.ask(state, jax.random.fold_in(key, attempt), draws)
            rows = np.asarray(rows)
            fits = is_feasible(rows, experiment.costs, config.constraints)
            enough = np.flatnonzero(np.cumsum(fits) == size - len(kept))
            seen = int(enough[0]) + 1 if len(enough) else draws
            kept = np.concatenate([kept, rows[:seen][fits[:seen]]])
            rejected += int((~fits[:seen]).sum())
            if len(kept) == size:
                break
        num = len(kept)
        kept = np.pad(kept, ((0, size - num), (0, 0)))
        return Proposal(kept, num, rejected, experiment.costs(kept))

    return propose


def make_judge(experiment: Experiment):
    """Statistics to objectives and to the values that fronts remember."""
    task, objectives = experiment.task, experiment.objectives

    @jax.jit
    def judge(evaluation: Evaluation, indices, costs, num) -> tuple[Told, Array]:
        metrics = task.metrics(evaluation.statistics)
        matrix = objective_matrix(objectives, metrics, costs)
        is_meant = jnp.arange(matrix.shape[0], dtype=jnp.int32) < num
        is_finite = jnp.isfinite(matrix).all(-1)
        values = jnp.stack([metrics[name] for name in REPORTED], axis=-1)
        # A failed candidate must never win: its objectives become infinite.
        matrix = jnp.where(is_finite[:, None], matrix, jnp.inf)
        told = Told(indices=indices, objectives=matrix, is_valid=is_meant & is_finite)
        return told, values.reshape(values.shape[0], -1)

    def call(evaluation: Evaluation, proposal: Proposal):
        costs = {k: np.asarray(v, np.float32) for k, v in proposal.costs.items()}
        rows = jnp.asarray(proposal.indices)
        return judge(evaluation, rows, costs, np.int32(proposal.num))

    return call


def _make_insert(experiment: Experiment):
    """Archive insertion under the canonical form, one entry per network."""
    put = jax.jit(insert)

    def call(archive: Archive, told: Told, values: Float[Array, "pop value"], rows):
        canonical = jnp.asarray(experiment.space.canonical(rows))
        return put(archive, canonical, told.objectives, values, told.is_valid)

    return call
