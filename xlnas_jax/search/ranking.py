"""How much the heads and neurons of every layer matter, and whole layers."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.data.batches.plan import TrainingPlan
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.stages.pooling import POOLING
from xlnas_jax.training.influence import influence
from xlnas_jax.training.reorder import Importance, importance, relative
from xlnas_jax.training.step import take_batch
from xlnas_jax.types import Batch

Rows = tuple[tuple[Batch, ...], ...]
BATCHES = 32


def rank_units(
    experiment: Experiment,
    params: SharedParams,
    rows: Rows,
    plan: TrainingPlan,
    by: str | None = None,
) -> Importance:
    """Importance of units on the first batches of a plan; tasks count alike.

    Args:
        by: `labels` or `divergence`; None: as `train.importance` says.
    """
    by = by or experiment.config.train.importance
    measures = [_make_importance(experiment, part, by) for part in experiment.parts]
    return _summed(measures, params, rows, plan, relative)


def rank_layers(
    experiment: Experiment, params: SharedParams, rows: Rows, plan: TrainingPlan
) -> Float[Array, " layer"]:
    """Influence of whole layers, likewise."""

    def make(part: TaskPart):
        def measure(params: SharedParams, rows: Batch, index, weight):
            batch = take_batch(rows, index, weight)
            own, shape = params.of_task(part.name), experiment.shape
            return influence(own.encoder, experiment.space, shape, batch)

        return jax.jit(measure)

    measures = [make(part) for part in experiment.parts]
    return _summed(measures, params, rows, plan, lambda found: found)


def _summed(
    measures: list[Any],
    params: SharedParams,
    rows: Rows,
    plan: TrainingPlan,
    scaled: Any,
) -> Any:
    """What every batch gives, added up; each task's sum is scaled first."""
    total: dict[int, Any] = {}
    for step in range(BATCHES):
        task, bucket, index, weight = plan[step]
        found = measures[task](params, rows[task][bucket], index, weight)
        known = total.get(task)
        total[task] = found if known is None else add_trees(known, found)
    return functools.reduce(add_trees, map(scaled, total.values()))


def add_trees(one: Any, other: Any) -> Any:
    """Leaf by leaf."""
    return jax.tree.map(jnp.add, one, other)


def _make_importance(experiment: Experiment, part: TaskPart, by: str):
    """Importance of heads and neurons on one training batch, compiled."""
    poolings = experiment.space.knob(POOLING).choices
    pooling = "mean" if "mean" in poolings else str(poolings[-1])

    def measure(params: SharedParams, rows: Batch, index, weight):
        batch = take_batch(rows, index, weight)
        own = params.of_task(part.name)
        shape, task = experiment.shape, part.task
        return importance(own, experiment.space, shape, task, pooling, batch, by)

    return jax.jit(measure)
