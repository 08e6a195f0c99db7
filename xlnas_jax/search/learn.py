"""The weight steps of a round, and the order of units at the end of the warm-up."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from xlnas_jax.config.config import Config
from xlnas_jax.data.batches.plan import TrainingPlan
from xlnas_jax.devices.sharding import make_layout
from xlnas_jax.experiment.draws import round_key
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.stages.pooling import POOLING
from xlnas_jax.supernet.supernet import Supernet, make_supernet
from xlnas_jax.training.learner import Learner
from xlnas_jax.training.methods.base import Method, Setting
from xlnas_jax.training.methods.registry import METHODS, method_named
from xlnas_jax.training.reorder import importance, relative, reorder
from xlnas_jax.training.step import WeightStep, make_weight_step, network_of, take_batch
from xlnas_jax.types import Batch

IMPORTANCE_BATCHES = 32


def num_warm_up(config: Config) -> int:
    """Rounds of warm-up: as many as hold `pretune_steps`, the last one cut short.

    A single one where the rounds of the search train nothing.
    """
    steps = config.train.pretune_steps
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


def make_settings(experiment: Experiment, supernet: Supernet) -> dict[str, Setting]:
    """Where the transfer method works, task by task."""
    train, network = experiment.config.train, network_of(supernet)
    return {
        part.name: Setting(train, network, experiment.space, part.task)
        for part in experiment.parts
    }


def init_method(experiment: Experiment) -> dict[str, Any]:
    """The transfer method's own state of each task, before the first step."""
    config = experiment.config
    method = method_named(config.train.method)
    settings = make_settings(experiment, make_training_supernet(experiment))
    key = round_key(config, "method", 0)
    return {
        name: method.init(one, jax.random.fold_in(key, number))
        for number, (name, one) in enumerate(settings.items())
    }


def make_learn(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    optimizer: Any,
    mesh: Mesh,
):
    """The weight steps of a round, and the reordering at the end of the warm-up."""
    config = experiment.config
    train, count = config.train, config.search.weight_steps
    layout = make_layout(mesh, config.devices.fsdp)
    supernet = make_training_supernet(experiment)
    settings = make_settings(experiment, supernet)

    def make_steps(method: Method) -> list[WeightStep]:
        """A weight step of each task."""
        return [
            make_weight_step(
                method, one, supernet, optimizer, config.seed, name, layout
            )
            for name, one in settings.items()
        ]

    first_steps = make_steps(METHODS["finetune"])
    later_steps = make_steps(method_named(train.method))
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
            take = (first_steps if is_warm_up else later_steps)[task]
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

    space = experiment.space

    def sorted_by(learner: Learner, ranking: Any) -> Learner:
        return layout.store(reorder(learner, space, ranking))

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
    poolings = experiment.space.knob(POOLING).choices
    pooling = "mean" if "mean" in poolings else str(poolings[-1])

    def measure(params: SharedParams, rows: Batch, index, weight):
        batch = take_batch(rows, index, weight)
        own = params.of_task(part.name)
        shape, task = experiment.shape, part.task
        return importance(own, experiment.space, shape, task, pooling, batch)

    return jax.jit(measure)
