"""The weight steps of a round, and the order of units at the end of the warm-up."""

import dataclasses
import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from xlnas_jax.config.config import Config
from xlnas_jax.config.model import NarrowConfig, PretrainedModel
from xlnas_jax.data.batches.pair_rows import pairs_of
from xlnas_jax.data.batches.plan import TrainingPlan
from xlnas_jax.devices.sharding import make_layout, place, replicate
from xlnas_jax.experiment.draws import round_key
from xlnas_jax.experiment.parts import Experiment, starts_whole
from xlnas_jax.experiment.weights import whole_encoder
from xlnas_jax.search.prepared import at_rates, init_states, prepared_states
from xlnas_jax.search.ranking import rank_units
from xlnas_jax.search.teacher import own_weights, whole_teacher
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.supernet import Supernet, make_supernet
from xlnas_jax.tasks.base import Task
from xlnas_jax.training.average import checkpoints, with_checkpoint
from xlnas_jax.training.learner import Layout, Learner
from xlnas_jax.training.methods.base import Draw, Method, Setting, hears
from xlnas_jax.training.methods.registry import method_named, warm_up_named
from xlnas_jax.training.narrowed import Narrowed, relearn
from xlnas_jax.training.reorder import reorder
from xlnas_jax.training.step import (
    States,
    WeightStep,
    make_weight_step,
    network_of,
)
from xlnas_jax.types import Batch

# Apart from the seeds of the batches that weights learn from.
_SEED = 32452843


def num_warm_up(config: Config) -> int:
    """Rounds of warm-up: as many as hold `pretune_steps`, the last one cut short.

    A single one where the rounds of the search train nothing.
    """
    steps = config.train.pretune_steps
    if not steps and starts_whole(config):
        return 1  # without a step: units are put in order
    return -(-steps // (config.search.weight_steps or steps)) if steps else 0


def make_training_supernet(experiment: Experiment) -> Supernet:
    """The supernet as weights learn by it: sliced, and rematerialised."""
    train = experiment.config.train
    return make_supernet(
        experiment.space,
        experiment.shape,
        "sliced",
        train.precision,
        train.dropout,
        remat_branches=True,
        remat_layers=train.remat,
    )


def make_settings(
    experiment: Experiment, supernet: Supernet, states: States = "method"
) -> dict[str, Setting]:
    """Where the transfer method works, or that of the warm-up, task by task."""
    train, search = experiment.config.train, experiment.config.search
    network = network_of(supernet, train.kd_layers > 0)
    span = 0, train.pretune_steps
    if states == "method":
        span = train.pretune_steps, search.rounds * search.weight_steps
    return {
        part.name: Setting(
            train,
            network,
            experiment.space,
            part.task,
            auxiliary=len(part.roles.aux_train),
            languages=part.learnt,
            width=experiment.shape.width,
            span=span,
            spec=experiment.shape.spec,
            weight=part.config.loss_weight,
        )
        for part in experiment.parts
    }


def init_method(experiment: Experiment, states: States = "method") -> dict[str, Any]:
    """A method's own state of each task, before the first step.

    Of the warm-up's, where there is one.
    """
    config, method = experiment.config, method_named(experiment.config.train.method)
    if states == "warm_up":
        if not config.train.pretune_steps:
            return {}
        method = warm_up_named(config.train.warm_up_method)
    supernet = make_training_supernet(experiment)
    settings = make_settings(experiment, supernet, states)
    key = round_key(config, "method", 0 if states == "method" else 4)
    return init_states(method, settings, key)


def init_average(experiment: Experiment, params: SharedParams) -> SharedParams | None:
    """Room for the mean of the warm-up's checkpoints; None if none is asked for."""
    if not experiment.config.train.average:
        return None
    return jax.jit(lambda own: jax.tree.map(jnp.zeros_like, own))(
        own_weights(experiment, params)
    )


def make_learn(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    optimizer: Any,
    mesh: Mesh,
):
    """The weight steps of a round, and what ends the warm-up: averaging, reordering."""
    config = experiment.config
    train, count = config.train, config.search.weight_steps
    layout = make_layout(mesh, config.devices.fsdp)
    supernet = make_training_supernet(experiment)
    settings = make_settings(experiment, supernet)

    def make_steps(method: Method, states: States) -> list[WeightStep]:
        """A weight step of each task."""
        given = supernet, optimizer, config.seed
        return [
            make_weight_step(method, one, *given, name, layout, states)
            for name, one in make_settings(experiment, supernet, states).items()
        ]

    method, first = method_named(train.method), warm_up_named(train.warm_up_method)
    first_steps = make_steps(first, "warm_up")
    later_steps = make_steps(method, "method")
    is_labelled = has_labels(rows)
    with_texts = make_plan(experiment, rows)
    has_texts = any(b.labelled is not None for part in rows for b in part)
    with_labels = with_texts
    if has_texts:
        with_labels = make_plan(experiment, rows, with_labels=is_labelled)
    first_plan = with_texts if hears(first) else with_labels
    is_over = hears(first) and not hears(method)  # text is of the warm-up alone
    later_plan = with_labels if is_over else with_texts
    warm_up = num_warm_up(config)
    taken = checkpoints(train.pretune_steps, train.average)
    remember, average = _make_averaging(experiment, layout)

    def learn(learner: Learner, number: int) -> tuple[Learner, Float[Array, ""]]:
        is_warm_up = number < warm_up
        if is_warm_up:
            size = count or train.pretune_steps or 1
            first = number * size
            last = min(first + size, train.pretune_steps)
        else:
            first = train.pretune_steps + (number - warm_up) * count
            last = first + count
        loss = jnp.zeros(())
        if number == 0 and _narrowed(config) is not None:
            learner = relearnt(learner)
        if number == warm_up and last > first and method.prepare is not None:
            learner = prepare(learner)
        for step in range(first, last):
            plan = first_plan if is_warm_up else later_plan
            task, bucket, index, weight = plan[step]
            take = (first_steps if is_warm_up else later_steps)[task]
            learner, loss = take(learner, rows[task][bucket], index, weight)
            if step + 1 in taken:
                learner = remember(learner, np.float32(taken[step + 1]))
        if last > first:
            loss = _loss_of_sound(learner.params, loss)
        if number == warm_up - 1 and train.average:
            learner = average(learner)
        if number == warm_up - 1 and train.reorder:
            learner = sort(learner)
        return learner, loss

    def relearnt(learner: Learner) -> Learner:
        how, (encoder, shape, kept) = _narrowed(config), whole_encoder(experiment)
        assert how is not None
        assert kept is not None
        whole = replicate(mesh, encoder), shape, experiment.shape, kept.dims
        plan = make_plan(experiment, rows)

        def draw(number: int) -> tuple[Batch, Any, Any]:
            task, bucket, index, weight = plan[number]
            return rows[task][bucket], index, weight

        given = learner.params.encoder, Narrowed(*whole), train, how, draw, layout
        own = relearn(*given)
        params = dataclasses.replace(learner.params, encoder=own)
        return dataclasses.replace(learner, params=params)

    def prepare(learner: Learner) -> Learner:
        later = train.rounds_learning_rate if train.pretune_steps else None
        rates = train.learning_rate, train.head_learning_rate
        states = prepared_states(
            method,
            at_rates(settings, *(rates if later is None else (later, later))),
            {name: learner.params.of_task(name) for name in settings},
            functools.partial(make_draw, experiment, rows),
            round_key(config, "method", 3),
            layout.split,
        )
        return dataclasses.replace(learner, method=place(mesh, states))

    def sort(learner: Learner) -> Learner:
        by = train.importance if is_labelled else "divergence"
        plan = with_texts if by == "divergence" else with_labels
        ranking = rank_units(experiment, learner.params, rows, plan, by)
        return jax.jit(sorted_by, donate_argnums=0)(learner, ranking)

    space = experiment.space

    def sorted_by(learner: Learner, ranking: Any) -> Learner:
        return layout.store(reorder(learner, space, ranking))

    return learn


def _narrowed(config: Config) -> NarrowConfig | None:
    """How a narrowed encoder is to learn again what it gave; None if it is not."""
    model = config.model
    how = model.narrow if isinstance(model, PretrainedModel) else None
    return how if how is not None and how.steps else None


def _make_averaging(
    experiment: Experiment, layout: Layout
) -> tuple[Callable[..., Learner], Callable[[Learner], Learner]]:
    """What adds a checkpoint to the mean, and what puts the mean into its place."""

    def remember(learner: Learner, number: Float[Array, ""]) -> Learner:
        own = own_weights(experiment, learner.params)
        mean = with_checkpoint(learner.average, own, number)
        return layout.store(dataclasses.replace(learner, average=mean))

    def average(learner: Learner) -> Learner:
        assert learner.average is not None
        params = whole_teacher(experiment, learner.average, learner.params)
        # It is of no more use, and the weights must have arrays of their own.
        empty = jax.tree.map(jnp.zeros_like, learner.average)
        done = dataclasses.replace(learner, params=params, average=empty)
        return layout.store(done)

    return (
        jax.jit(remember, donate_argnums=0),
        jax.jit(average, donate_argnums=0),
    )


@jax.jit
def _loss_of_sound(params: SharedParams, loss: Float[Array, ""]) -> Float[Array, ""]:
    """The loss, or NaN where a weight is not finite after the step that it led to."""
    sound = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(params)]
    return jnp.where(jnp.stack(sound).all(), loss, jnp.nan)


def make_plan(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    with_labels: bool = False,
) -> TrainingPlan:
    """Which task and rows every training step learns from.

    Args:
        with_labels: rows without labels are left out.
    """
    config = experiment.config
    languages = [[np.asarray(bucket.language) for bucket in part] for part in rows]
    weights = [part.config.weight for part in experiment.parts]
    size, temperature = config.train.batch_size, config.train.temperature
    allowed = [
        [_units(part.task, bucket, with_labels) for bucket in own]
        for part, own in zip(experiment.parts, rows, strict=True)
    ]
    given = config.seed, languages, size, temperature, weights, allowed
    return TrainingPlan(*given, task_temperature=config.train.task_temperature)


def make_draw(
    experiment: Experiment, rows: tuple[tuple[Batch, ...], ...], task: int
) -> Draw:
    """Builds `Start.draw` of one task: batches that are the same every time."""
    config = experiment.config
    alike = {"temperature": 0.0, "task_temperature": None}
    train = dataclasses.replace(config.train, **alike)
    config = dataclasses.replace(config, seed=config.seed + _SEED, train=train)
    experiment = dataclasses.replace(experiment, config=config)
    plan = make_plan(experiment, rows, with_labels=True)
    numbers = itertools.count()
    waiting: dict[int, list] = {}

    def draw(count: int) -> tuple[Batch, Any, Any]:
        while True:
            step = plan[next(numbers)]
            if step.task != task:
                continue
            own = waiting.setdefault(step.bucket, [])
            own.append(step)
            if len(own) == count:
                waiting[step.bucket] = []
                index = np.stack([one.rows for one in own])
                weight = np.stack([one.weight for one in own])
                return rows[task][step.bucket], index, weight

    return draw


def _units(
    task: Task, bucket: Batch, with_labels: bool
) -> Int[np.ndarray, "unit *row"]:
    """Rows of a bucket, all or those with labels; translations side by side."""
    rows = np.arange(bucket.tokens.shape[0])
    if bucket.labelled is not None and with_labels:
        rows = np.flatnonzero(np.asarray(bucket.labelled))
    return pairs_of(rows, np.asarray(bucket.label)) if task.gives_vectors else rows


def has_labels(rows: tuple[tuple[Batch, ...], ...]) -> bool:
    """Whether some row of every task is learnt from by its label."""
    return all(
        any(b.labelled is None or np.asarray(b.labelled).any() for b in part)
        for part in rows
    )
