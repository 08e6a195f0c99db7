"""Builds the functions of `search.Engine` from an experiment and its arrays."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.config import Config
from xlnas_jax.controllers import make_controller
from xlnas_jax.controllers.base import Controller, Setting, Told
from xlnas_jax.data.plan import TrainingPlan
from xlnas_jax.draws import round_key
from xlnas_jax.escape import with_escape
from xlnas_jax.experiment import Experiment, ScoringData, TaskPart
from xlnas_jax.objectives import objective_matrix, task_metrics
from xlnas_jax.pareto import Archive, init_archive, insert
from xlnas_jax.population import (
    make_evaluate,
    make_halving_evaluate,
    make_race_evaluate,
    make_screen,
)
from xlnas_jax.propose import make_propose
from xlnas_jax.refine import make_refine
from xlnas_jax.search import Engine, Measure, Proposal, SearchState
from xlnas_jax.sharding import (
    make_layout,
    make_mesh,
    place,
    replicate,
    require_divisible,
)
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.reorder import importance, relative, reorder
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.supernet.train import (
    Learner,
    init_learner,
    make_optimizer,
    make_weight_steps,
    take_batch,
)
from xlnas_jax.types import Batch, Evaluation
from xlnas_jax.weights import init_params

IMPORTANCE_BATCHES = 32


def make_engine(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    heldout: tuple[ScoringData, ...],
) -> tuple[Engine, SearchState]:
    """The round's functions and the state before the first round.

    `rows` and `heldout` are those of each task.
    """
    config = experiment.config
    num_steps = config.train.pretune_steps
    num_steps += config.search.rounds * config.search.weight_steps
    mesh = make_mesh(config.devices)
    require_divisible(mesh, config.train.batch_size)
    fsdp = config.devices.fsdp
    params = place(mesh, init_params(experiment), fsdp)
    rows = replicate(mesh, rows)
    optimizer = make_optimizer(config.train, params, num_steps)
    controller = _make_controller(experiment)
    measure = make_measure(experiment)
    engine = Engine(
        num_warm_up=num_warm_up(config),
        learn=_make_learn(experiment, rows, optimizer, mesh),
        refine=make_refine(
            experiment, rows, heldout, controller, num_warm_up(config), mesh
        ),
        propose=make_propose(
            controller,
            experiment.costs,
            config.constraints,
            config.search,
            lambda number: round_key(config, "ask", number),
        ),
        **make_scoring(experiment, heldout),
        measure=measure,
        judge=make_judge(experiment, measure),
        insert=_make_insert(experiment),
        controller=controller,
    )
    archive = init_archive(
        config.search.archive_size,
        len(experiment.space.num_choices),
        len(experiment.objectives),
        sum(len(part.roles.aux_heldout) for part in experiment.parts),
    )
    zero = np.zeros((), np.int32)
    state = SearchState(
        learner=place(mesh, init_learner(params, optimizer), fsdp),
        controller=replicate(mesh, controller.init(round_key(config, "init", 0))),
        archive=replicate(mesh, archive),
        round=zero,
        evaluated=zero,
        rejected=zero,
        failed=zero,
    )
    return engine, state


def make_scoring(
    experiment: Experiment, heldout: tuple[ScoringData, ...]
) -> dict[str, Any]:
    """The fields of `search.Engine` that score populations."""
    mesh = make_mesh(experiment.config.devices)
    score = make_evaluate(experiment, heldout, mesh)
    settings, evaluate = experiment.config.evaluate, score
    if settings.race is not None:
        evaluate = make_race_evaluate(experiment, heldout, mesh)
    if settings.halving is not None:
        evaluate = make_halving_evaluate(experiment, heldout, mesh)
    screen = make_screen(experiment, heldout, mesh)
    return {"evaluate": evaluate, "score": score, "screen": screen}


def _make_controller(experiment: Experiment) -> Controller:
    """The configured strategy, compiled, with costs scaled by the full network's."""
    config, space = experiment.config, experiment.space
    full = np.asarray(space.flatten(space.largest()))[None]
    counts = experiment.costs(full)
    scales = tuple(
        float(counts[o.name][0]) if o.is_cost else 1.0
        for o in experiment.objectives[1:]
    )
    setting = Setting(
        experiment.costs,
        config.constraints,
        config.search.rounds,
        config.search.population,
        scales,
        tuple(objective.name for objective in experiment.objectives),
    )
    controller = make_controller(config.controller, setting).compiled()
    escape, size = config.search.escape, config.search.archive_size
    if escape is None:
        return controller
    return with_escape(controller, escape, setting, experiment.box, size)


def num_warm_up(config: Config) -> int:
    """Rounds of warm-up: as many as hold `pretune_steps`, the last one cut short.

    A single one where the rounds of the search train nothing.
    """
    steps = config.train.pretune_steps
    return -(-steps // (config.search.weight_steps or steps)) if steps else 0


def _make_learn(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    optimizer: Any,
    mesh: Mesh,
):
    """The weight steps of a round, and the reordering at the end of the warm-up."""
    config = experiment.config
    train, count = config.train, config.search.weight_steps
    layout = make_layout(mesh, config.devices.fsdp)
    supernet = make_supernet(
        experiment.space,
        experiment.shape,
        "sliced",
        train.precision,
        train.dropout,
        remat_branches=True,
        remat_layers=train.remat,
    )
    steps = [
        make_weight_steps(
            train,
            supernet,
            experiment.space,
            part.task,
            optimizer,
            config.seed,
            part.name,
            layout,
        )
        for part in experiment.parts
    ]
    plan = make_plan(experiment, rows)
    warm_up = num_warm_up(config)

    def learn(learner: Learner, number: int) -> tuple[Learner, Float[Array, ""]]:
        is_warm_up = number < warm_up
        if is_warm_up:
            size = count or train.pretune_steps
            first = number * size
            last = min(first + size, train.pretune_steps)
        else:
            first = train.pretune_steps + (number - warm_up) * count
            last = first + count
        loss = jnp.zeros(())
        for step in range(first, last):
            task, bucket, index, weight = plan[step]
            take = steps[task].full if is_warm_up else steps[task].sandwich
            learner, loss = take(learner, rows[task][bucket], index, weight)
        if last > first:
            loss = _loss_of_sound(learner.params, loss)
        if number == warm_up - 1 and train.reorder:
            learner = sort(learner)
        return learner, loss

    def sort(learner: Learner) -> Learner:
        measures = [_make_importance(experiment, part) for part in experiment.parts]
        total: dict[int, Any] = {}
        for step in range(IMPORTANCE_BATCHES):
            task, bucket, index, weight = plan[step]
            found = measures[task](learner.params, rows[task][bucket], index, weight)
            known = total.get(task)
            total[task] = found if known is None else add_trees(known, found)
        ranking = functools.reduce(add_trees, map(relative, total.values()))
        return jax.jit(sorted_by, donate_argnums=0)(learner, ranking)

    def sorted_by(learner: Learner, ranking: Any) -> Learner:
        return layout.store(reorder(learner, ranking))

    return learn


@jax.jit
def _loss_of_sound(params: SharedParams, loss: Float[Array, ""]) -> Float[Array, ""]:
    """The loss, or NaN where a weight is not finite after the step that it led to."""
    sound = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(params)]
    return jnp.where(jnp.stack(sound).all(), loss, jnp.nan)


def make_plan(
    experiment: Experiment, rows: tuple[tuple[Batch, ...], ...]
) -> TrainingPlan:
    """Which task and rows every training step learns from."""
    config = experiment.config
    languages = [[np.asarray(bucket.language) for bucket in part] for part in rows]
    weights = [part.config.weight for part in experiment.parts]
    size, temperature = config.train.batch_size, config.train.temperature
    return TrainingPlan(config.seed, languages, size, temperature, weights)


def add_trees(one: Any, other: Any) -> Any:
    """Leaf by leaf."""
    return jax.tree.map(jnp.add, one, other)


def _make_importance(experiment: Experiment, part: TaskPart):
    """Importance of heads and neurons on one training batch, compiled."""
    poolings = experiment.space.knob("pooling").choices
    pooling = "mean" if "mean" in poolings else str(poolings[-1])

    def measure(params: SharedParams, rows: Batch, index, weight):
        batch = take_batch(rows, index, weight)
        own = params.of_task(part.name)
        return importance(own, experiment.shape, part.task, pooling, batch)

    return jax.jit(measure)


def make_measure(experiment: Experiment) -> Measure:
    """Statistics and costs to objectives and metrics, compiled."""
    parts, objectives = experiment.parts, experiment.objectives
    tasks = [part.task for part in parts]
    num_scored = [len(experiment.scored(part)) for part in parts]

    @jax.jit
    def measure(statistics, alignment, costs) -> tuple[Array, Any]:
        # Objectives go by the columns: scores of some languages alone would pass.
        assert [s.shape[1] for s in statistics] == num_scored
        metrics = tuple(task_metrics(tasks, statistics, alignment))
        return objective_matrix(objectives, metrics, costs), metrics

    def call(evaluation: Evaluation, counts: Mapping[str, np.ndarray]):
        costs = {k: np.asarray(v, np.float32) for k, v in counts.items()}
        return measure(evaluation.statistics, evaluation.alignment, costs)

    return call


def make_judge(experiment: Experiment, measure: Measure):
    """Statistics to objectives and to the values that fronts remember."""
    num_heldout = [len(part.roles.aux_heldout) for part in experiment.parts]

    @jax.jit
    def judge(matrix, metrics, indices, num) -> tuple[Told, Array]:
        is_meant = jnp.arange(matrix.shape[0], dtype=jnp.int32) < num
        is_finite = jnp.isfinite(matrix).all(-1)
        heldout = [
            found["error"][:, :count]
            for found, count in zip(metrics, num_heldout, strict=True)
        ]
        values = jnp.concatenate(heldout, axis=-1)
        # A failed candidate must never win: its objectives become infinite.
        matrix = jnp.where(is_finite[:, None], matrix, jnp.inf)
        told = Told(indices=indices, objectives=matrix, is_valid=is_meant & is_finite)
        return told, values

    def call(evaluation: Evaluation, proposal: Proposal):
        rows = jnp.asarray(proposal.indices)
        measured = measure(evaluation, proposal.costs)
        told, values = judge(*measured, rows, np.int32(proposal.num))
        is_drawn = jnp.asarray(proposal.is_drawn)
        return dataclasses.replace(told, is_drawn=is_drawn), values

    return call


def _make_insert(experiment: Experiment):
    """Archive insertion under the canonical form, one entry per network."""
    put = jax.jit(insert)

    def call(
        archive: Archive,
        told: Told,
        values: Float[Array, "pop value"],
        rows: Int[np.ndarray, "pop site"],
        is_complete: Bool[np.ndarray, " pop"],
    ) -> Archive:
        canonical = jnp.asarray(experiment.space.canonical(rows))
        is_kept = told.is_valid & is_complete
        return put(archive, canonical, told.objectives, values, is_kept)

    return call
