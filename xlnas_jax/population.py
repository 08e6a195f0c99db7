"""A whole population to its statistics on the auxiliary languages of every task.

One task's evaluator is made in `evaluate`; here all of them are run on the data and
devices of an experiment, to the end or as a race.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Int

from xlnas_jax.data.blocks import make_blocks
from xlnas_jax.evaluate import make_evaluator, make_row_scorer
from xlnas_jax.experiment import Experiment, ScoringData, TaskPart
from xlnas_jax.racing import Block, make_race, make_transfer
from xlnas_jax.sharding import DATA, shard_steps
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.supernet import Form, Supernet, make_supernet
from xlnas_jax.types import ConfigError, Evaluation

# `(params, indices, num) -> Evaluation` of the first `num` candidates.
Evaluate = Callable[[SharedParams, Int[np.ndarray, "pop site"], int], Evaluation]


def make_scoring_supernet(experiment: Experiment) -> Supernet:
    """The supernet in the form and precision that candidates are scored in."""
    precision = experiment.config.evaluate.precision
    space, shape = experiment.space, experiment.shape
    return make_supernet(space, shape, form_of(experiment), precision)


def form_of(experiment: Experiment) -> Form:
    """The form that candidates are scored in: sliced, until `auto` is settled."""
    form = experiment.config.evaluate.form
    return "sliced" if form == "auto" else form


def make_evaluate(
    experiment: Experiment, heldout: tuple[ScoringData, ...], mesh: Mesh
) -> Evaluate:
    """Scores every candidate on everything."""
    parts = experiment.parts
    given = [(make_evaluator, (len(part.roles.all),)) for part in parts]
    scorers = _make_scorers(experiment, mesh, given)
    batches = [shard_steps(mesh, data.batches) for data in heldout]
    columns = [np.asarray(_columns(part), np.int32) for part in parts]

    @jax.jit
    def auxiliary(sums: list[Array]) -> tuple[Array, ...]:
        return tuple(own[:, keep] for own, keep in zip(sums, columns, strict=True))

    def evaluate(params: SharedParams, indices, num: int) -> Evaluation:
        # Dispatched one after another; nothing is waited for.
        sums = [
            score(params.of_task(part.name), indices, num, own)
            for part, score, own in zip(parts, scorers, batches, strict=True)
        ]
        return Evaluation(auxiliary(sums), np.ones(len(indices), bool))

    return evaluate


def make_race_evaluate(
    experiment: Experiment, heldout: tuple[ScoringData, ...], mesh: Mesh
) -> Evaluate:
    """Stops scoring what cannot be among the best; see `racing`.

    The statistics of those candidates are of the data they saw.

    Raises:
        ConfigError: there are too few examples, or an objective cannot be raced for.
    """
    config, parts = experiment.config, experiment.parts
    settings = config.evaluate.race
    assert settings is not None
    if jax.process_count() > 1 and mesh.shape[DATA] > 1:
        raise ConfigError(
            f"devices.data: must be 1 where several processes race, since each reads "
            f"every example's scores; got {mesh.shape[DATA]}. Use devices.pop alone, "
            f"or leave out evaluate.race."
        )
    scorers = _make_scorers(experiment, mesh, [(make_row_scorer, ()) for _ in parts])
    dealt = [make_blocks(d.batches, settings.blocks, config.seed) for d in heldout]

    def score(params: SharedParams, indices, num: int, block: Block) -> list[Any]:
        return [
            run(params.of_task(part.name), indices, num, own)
            for part, run, own in zip(parts, scorers, block, strict=True)
        ]

    race = make_race(
        settings,
        score,
        make_transfer(
            [part.task for part in parts],
            experiment.objectives,
            [_columns(part) for part in parts],
        ),
        [
            tuple(shard_steps(mesh, own) for own in block)
            for block in zip(*dealt, strict=True)
        ],
        [len(part.roles.all) for part in parts],
    )
    names = [one.name for one in experiment.objectives if one.is_cost]

    def evaluate(params: SharedParams, indices, num: int) -> Evaluation:
        rows = np.asarray(indices)
        counts = experiment.costs(rows)
        costs = np.stack([counts[n] for n in names], -1) if names else _no_costs(rows)
        found = race(params, rows, num, costs)
        sums: list[Array] = [
            jnp.asarray(own[:, _columns(part)])
            for part, own in zip(parts, found.sums, strict=True)
        ]
        return Evaluation(tuple(sums), found.is_complete)

    return evaluate


def _make_scorers(
    experiment: Experiment, mesh: Mesh, given: list[tuple[Callable[..., Any], tuple]]
) -> list[Callable[..., Any]]:
    """One for each task, made by a function of `evaluate` with its own arguments."""
    config = experiment.config.evaluate
    supernet = make_scoring_supernet(experiment)
    rest = form_of(experiment), config.chunk, mesh, experiment.costs.stages()
    return [
        make(supernet, experiment.space, part.task, *own, *rest)
        for part, (make, own) in zip(experiment.parts, given, strict=True)
    ]


def _columns(part: TaskPart) -> list[int]:
    """Where the auxiliary languages stand among all."""
    return [part.roles.all.index(code) for code in part.roles.aux_heldout]


def _no_costs(rows: Int[np.ndarray, "pop site"]) -> Int[np.ndarray, "pop cost"]:
    return np.zeros((len(rows), 0), np.int64)
