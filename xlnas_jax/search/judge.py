"""From statistics of candidates to what the strategy is told and the archive keeps."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.controllers.base import Told
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.objectives.objectives import objective_matrix, task_metrics
from xlnas_jax.objectives.pareto import Archive, insert
from xlnas_jax.search.search import Measure, Proposal
from xlnas_jax.types import Evaluation


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
        canonical = jnp.asarray(experiment.space.canonical(rows))
        is_kept = told.is_valid & is_complete
        return put(archive, canonical, told.objectives, values, is_kept)

    return call
