"""From statistics of candidates to what the strategy is told and the archive keeps."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.controllers.base import Told
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.objectives.objectives import (
    make_objectives,
    objective_matrix,
    task_metrics,
)
from xlnas_jax.objectives.pareto import Archive, insert
from xlnas_jax.search.search import Measure, Proposal
from xlnas_jax.tasks.divergence import DIVERGENCE
from xlnas_jax.types import Evaluation

# The objective that each limit on scores is about.
_LIMITED = {"divergence": DIVERGENCE, "drop": "worst_drop"}


def make_measure(experiment: Experiment) -> Measure:
    """Statistics and costs to objectives and metrics, compiled."""
    parts, objectives = experiment.parts, experiment.objectives
    tasks = [part.task for part in parts]
    num_measured = [len(experiment.measured(part)) for part in parts]

    @jax.jit
    def measure(statistics, alignment, costs) -> tuple[Array, Any]:
        # Objectives go by the columns: scores of some languages alone would pass.
        assert [s.shape[1] for s in statistics] == num_measured
        metrics = tuple(task_metrics(tasks, statistics, alignment))
        return objective_matrix(objectives, metrics, costs), metrics

    def call(evaluation: Evaluation, counts: Mapping[str, np.ndarray]):
        costs = {k: np.asarray(v, np.float32) for k, v in counts.items()}
        return measure(evaluation.statistics, evaluation.alignment, costs)

    return call


def make_judge(experiment: Experiment, measure: Measure):
    """Statistics to objectives and to the values that fronts remember."""
    num_heldout = [len(part.roles.aux_heldout) for part in experiment.parts]
    is_score = jnp.asarray([not one.is_cost for one in experiment.objectives])

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
        excess = over_limits(experiment, metrics)
        if excess is not None:
            # What is over learns so, and which way is back.
            worse = jnp.where(is_score[None], excess[:, None], 0.0)
            told = dataclasses.replace(
                told, objectives=matrix + worse, is_within=excess <= 0.0
            )
        return told, values

    def call(evaluation: Evaluation, proposal: Proposal):
        rows = jax.device_put(proposal.indices)
        measured = measure(evaluation, proposal.costs)
        told, values = judge(*measured, rows, np.int32(proposal.num))
        is_drawn = jax.device_put(proposal.is_drawn)
        return dataclasses.replace(told, is_drawn=is_drawn), values

    return call


def over_limits(
    experiment: Experiment, metrics: Sequence[Mapping[str, Any]]
) -> Float[Array, " pop"] | None:
    """By which share, at most, candidates are over limits on scores; None: none is set.

    Of divergence tasks count alike, however many languages they have, as in the
    objective; of drops the worst language of all counts.
    """
    given = experiment.config.constraints.of_scores
    if not given:
        return None
    excess = []
    for name, limit in given.items():
        (objective,) = make_objectives((_LIMITED[name],), experiment.roles)
        excess.append(jnp.maximum(objective.value(metrics, {}) / limit - 1.0, 0.0))
    return jnp.stack(excess).max(0)


def make_insert(experiment: Experiment):
    """Archive insertion under the canonical form, one entry per network."""
    put = jax.jit(insert)

    def call(
        archive: Archive,
        told: Told,
        values: Float[Array, "pop value"],
        rows: Int[np.ndarray, "pop site"],
        is_complete: Bool[np.ndarray, " pop"],
    ) -> Archive:
        canonical = jax.device_put(experiment.space.canonical(rows))
        is_kept = told.is_valid & is_complete
        if told.is_within is not None:
            is_kept = is_kept & told.is_within
        return put(archive, canonical, told.objectives, values, is_kept)

    return call
