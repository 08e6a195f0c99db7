"""A whole population to its statistics on the auxiliary languages of every task.

One task's evaluator is made in `evaluate`; here all of them are run on the data and
devices of an experiment, to the end or as a race.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Int

from xlnas_jax.alignment.registry import make_similarity
from xlnas_jax.config.evaluate import HalvingConfig
from xlnas_jax.data.batches.blocks import make_blocks
from xlnas_jax.devices.sharding import DATA, shard_steps
from xlnas_jax.evaluation.aligned import Align, make_align
from xlnas_jax.evaluation.evaluate import (
    RowScorer,
    make_evaluator,
    make_row_scorer,
)
from xlnas_jax.evaluation.halving import make_halving, num_blocks
from xlnas_jax.evaluation.pooled import (
    make_pooled_evaluator,
    make_pooled_row_scorer,
)
from xlnas_jax.evaluation.racing import (
    Block,
    Race,
    Transfer,
    make_race,
    make_scores,
    make_transfer,
)
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.objectives.objectives import Objective, needs_of
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.supernet import Form, Supernet, make_supernet
from xlnas_jax.types import ConfigError, Evaluation

# `(params, indices, num) -> Evaluation` of the first `num` candidates.
Evaluate = Callable[[SharedParams, Int[np.ndarray, "pop site"], int], Evaluation]
# `(params, indices) -> position` of the best of any number of candidates.
Screen = Callable[[SharedParams, Int[np.ndarray, "pop site"]], int]
# All candidates see a ninth of the data, a third of them a third, a ninth all of it;
# no fewer examples than so many are a ninth.
SCREEN, SCREENED = HalvingConfig(eta=3, rungs=3), 8
TOGETHER = 256


def chunks(
    rows: Int[np.ndarray, "pop site"], size: int
) -> Iterator[tuple[Int[np.ndarray, "size site"], int]]:
    """Tables of one size, the last one filled up, and how many of each are meant."""
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        yield np.pad(chunk, ((0, size - len(chunk)), (0, 0))), len(chunk)


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
    given = [_evaluator(*one) for one in zip(parts, heldout, strict=True)]
    scorers = _make_scorers(experiment, mesh, given)
    batches = [shard_steps(mesh, data.scored) for data in heldout]
    aligns = _make_aligns(experiment, heldout, mesh)
    columns = [
        np.asarray(_columns(part, experiment.measured(part)), np.int32)
        for part in parts
    ]

    @jax.jit
    def auxiliary(sums: list[Array]) -> tuple[Array, ...]:
        return tuple(own[:, keep] for own, keep in zip(sums, columns, strict=True))

    def evaluate(params: SharedParams, indices, num: int) -> Evaluation:
        # Dispatched one after another; nothing is waited for.
        sums = [
            score(params.of_task(part.name), indices, num, own)
            for part, score, own in zip(parts, scorers, batches, strict=True)
        ]
        alignment = tuple(
            align(params.of_task(part.name), indices, num)
            for part, align in zip(parts, aligns, strict=False)
        )
        return Evaluation(auxiliary(sums), np.ones(len(indices), bool), alignment)

    return evaluate


def _evaluator(part: TaskPart, data: ScoringData) -> tuple[Callable[..., Any], tuple]:
    """What scores a task, and its own arguments."""
    num = len(part.roles.every)
    if part.task.gives_vectors:
        return make_pooled_evaluator, (num, data.pools)
    return make_evaluator, (num,)


def row_scorer_of(
    experiment: Experiment, part: TaskPart, data: ScoringData
) -> RowScorer:
    """Scores every example of auxiliary data, of networks one at a time."""
    supernet, space = make_scoring_supernet(experiment), experiment.space
    if part.task.gives_vectors:
        return make_pooled_row_scorer(supernet, space, part.task, data.pools)
    return make_row_scorer(supernet, space, part.task)


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
            [_columns(part, part.roles.aux_heldout) for part in parts],
        ),
        _deal(heldout, mesh, settings.blocks, config.seed),
        [len(part.roles.every) for part in parts],
    )
    return _make_estimate(experiment, race)


def make_halving_evaluate(
    experiment: Experiment, heldout: tuple[ScoringData, ...], mesh: Mesh
) -> Evaluate:
    """Scores fewer and fewer candidates on more and more data; see `halving`.

    The statistics of those that did not get to the end are of the data they saw.

    Raises:
        ConfigError: there are too few examples, or an objective needs more than
            auxiliary scores.
    """
    settings = experiment.config.evaluate.halving
    assert settings is not None
    ours = [one for one in experiment.objectives if not one.is_cost]
    if needs_of(ours):
        raise ConfigError(
            f"evaluate.halving: needs objectives of auxiliary scores alone; got "
            f"{[one.name for one in ours if one.needs]} in search.objectives, which "
            f"also need {sorted(needs_of(ours))}. Leave out evaluate.halving, or set "
            f"the weights of these terms to 0."
        )
    run, _ = _make_halving(experiment, heldout, mesh, settings, ours)
    return _make_estimate(experiment, run)


def _make_halving(
    experiment: Experiment,
    heldout: tuple[ScoringData, ...],
    mesh: Mesh,
    settings: HalvingConfig,
    objectives: Sequence[Objective],
) -> tuple[Callable[..., Race], Transfer]:
    """Halving any number of candidates by these objectives, and their scores."""
    config, parts = experiment.config, experiment.parts
    given = [(make_evaluator, (len(part.roles.every),)) for part in parts]
    scorers = _make_scorers(experiment, mesh, given)
    population = config.search.population

    def score(params: SharedParams, indices, num: int, block: Block) -> list[Any]:
        # All at a time, that they share as much work as they can, up to a limit.
        size = max(population, min(len(indices), TOGETHER))
        found = []
        for table, count in chunks(indices[:num], size):
            sums = [
                run(params.of_task(part.name), table, count, own)
                for part, run, own in zip(parts, scorers, block, strict=True)
            ]
            found.append([np.asarray(own)[:count] for own in sums])
        return [np.concatenate(own) for own in zip(*found, strict=True)]

    columns = [_columns(part, part.roles.aux_heldout) for part in parts]
    scores = make_scores([part.task for part in parts], objectives, columns)
    dealt = _deal(heldout, mesh, num_blocks(settings), config.seed)
    return make_halving(settings, score, scores, dealt), scores


def make_screen(
    experiment: Experiment, heldout: tuple[ScoringData, ...], mesh: Mesh
) -> Screen | None:
    """Finds the best by the first objective, at a quarter of what scoring all takes.

    None where there is too little data to halve by, or where the objective is of more
    than auxiliary scores.
    """
    first = experiment.objectives[0]
    num = min(sum(map(len, data.examples)) for data in heldout)
    is_alone = not needs_of([first]) and not experiment.measures_divergence
    is_alone = is_alone and not any(p.task.gives_vectors for p in experiment.parts)
    if not is_alone or num < SCREENED * num_blocks(SCREEN):
        return None

    # Dealt out only when it is asked for, once the search is over.
    @functools.cache
    def make() -> tuple[Callable[..., Race], Transfer]:
        run, scores = _make_halving(experiment, heldout, mesh, SCREEN, [first])
        return run, jax.jit(scores)

    def screen(params: SharedParams, rows: Int[np.ndarray, "pop site"]) -> int:
        run, scores = make()
        found = run(params, rows, len(rows), _no_costs(rows))
        value = np.asarray(scores(jax.device_put(found.sums)))[:, 0]
        is_sound = found.is_complete & np.isfinite(value)
        return int(np.where(is_sound, value, np.inf).argmin())

    return screen


def _deal(
    heldout: tuple[ScoringData, ...], mesh: Mesh, count: int, seed: int
) -> list[Block]:
    """Blocks of every task's data, on the devices."""
    dealt = [make_blocks(data.batches, count, seed) for data in heldout]
    return [
        tuple(shard_steps(mesh, own) for own in block)
        for block in zip(*dealt, strict=True)
    ]


def _make_estimate(experiment: Experiment, run: Callable[..., Race]) -> Evaluate:
    """Runs what scores some candidates to the end, and estimates the others."""
    parts = experiment.parts
    names = [one.name for one in experiment.objectives if one.is_cost]

    def evaluate(params: SharedParams, indices, num: int) -> Evaluation:
        rows = np.asarray(indices)
        counts = experiment.costs(rows)
        costs = np.stack([counts[n] for n in names], -1) if names else _no_costs(rows)
        found = run(params, rows, num, costs)
        sums: list[Array] = [
            jax.device_put(own[:, _columns(part, part.roles.aux_heldout)])
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


def _make_aligns(
    experiment: Experiment, heldout: tuple[ScoringData, ...], mesh: Mesh
) -> list[Align]:
    """One for each task; none where no objective needs them."""
    config = experiment.config
    supernet = make_scoring_supernet(experiment)
    similarity, width = make_similarity(config.transfer), experiment.shape.width
    form, chunk = form_of(experiment), config.evaluate.chunk
    rest = form, chunk, mesh, experiment.costs.stages()
    return [
        make_align(supernet, experiment.space, similarity, data.pairs, width, *rest)
        for data in heldout
        if data.pairs is not None
    ]


def _columns(part: TaskPart, languages: tuple[str, ...]) -> list[int]:
    """Where these languages stand among all."""
    return [part.roles.every.index(code) for code in languages]


def _no_costs(rows: Int[np.ndarray, "pop site"]) -> Int[np.ndarray, "pop cost"]:
    return np.zeros((len(rows), 0), np.int64)
