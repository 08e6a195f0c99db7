"""Builds the functions of `search.Engine` from an experiment and its arrays."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import optax
from jax.sharding import Mesh

from xlnas_jax.controllers.base import Controller
from xlnas_jax.devices.sharding import (
    local,
    make_mesh,
    place,
    replicate,
    require_divisible,
)
from xlnas_jax.evaluation.population import (
    make_evaluate,
    make_halving_evaluate,
    make_race_evaluate,
    make_screen,
)
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.draws import round_key
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.weights import import_params
from xlnas_jax.objectives.pareto import init_archive
from xlnas_jax.search.adapt import Adapt
from xlnas_jax.search.difficulty import difficulty_of
from xlnas_jax.search.judge import make_insert, make_judge, make_measure
from xlnas_jax.search.learn import init_average, init_method, make_learn, num_warm_up
from xlnas_jax.search.propose import make_propose
from xlnas_jax.search.refine import make_refine
from xlnas_jax.search.search import Engine, Proposal, SearchState
from xlnas_jax.search.seeds import Seeds, make_seeds, require_prunable
from xlnas_jax.search.strategy import make_strategy
from xlnas_jax.search.teacher import appoint, listen, new_teacher, whole_teacher
from xlnas_jax.search.tuned import make_tune, make_tuned_evaluate
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.training.learner import Learner, init_learner
from xlnas_jax.training.optimizer import make_optimizer
from xlnas_jax.types import Batch

# Training rows and auxiliary data of every task.
Data = tuple[tuple[tuple[Batch, ...], ...], tuple[ScoringData, ...]]


def make_engine(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    heldout: tuple[ScoringData, ...],
) -> tuple[Engine, SearchState]:
    """The round's functions and the state before the first round.

    `rows` and `heldout` are those of each task.
    """
    config = experiment.config
    require_prunable(experiment)
    mesh = make_mesh(config.devices)
    require_divisible(mesh, config.train)
    warm_up = num_warm_up(config)
    params = place(mesh, import_params(experiment), config.devices.fsdp)
    rows = replicate(mesh, rows)
    optimizer = _optimizer(experiment, params)
    controller, adapt = make_strategy(experiment), make_adapt(experiment)
    measure = make_measure(experiment)
    engine = Engine(
        num_warm_up=warm_up,
        learn=make_learn(experiment, rows, optimizer, mesh),
        refine=make_refine(experiment, rows, heldout, controller, warm_up, mesh),
        propose=_make_propose(
            experiment, controller, make_seeds(experiment, rows), adapt
        ),
        **make_scoring(experiment, rows, heldout),
        measure=measure,
        judge=make_judge(experiment, measure),
        insert=make_insert(experiment),
        controller=controller,
        adapt=adapt,
    )
    learner = place(
        mesh,
        init_learner(
            params,
            optimizer,
            init_method(experiment),
            init_average(experiment, params),
            init_method(experiment, "warm_up"),
        ),
        config.devices.fsdp,
    )
    state = first_state(experiment, controller, learner, mesh)
    if adapt is not None:
        state = dataclasses.replace(state, space=adapt.init())
    return engine, state


def make_adapt(experiment: Experiment) -> Adapt | None:
    """What moves the bounds of the space, if it is to have some."""
    config = experiment.config.space.adapt
    if config is None:
        return None
    known = difficulty_of(experiment, config)
    limits, rounds = experiment.config.constraints, experiment.config.search.rounds
    return Adapt(experiment.costs, limits, config, known, rounds)


def _make_propose(
    experiment: Experiment, controller: Controller, seeds: Seeds, adapt: Adapt | None
) -> Callable[..., Proposal]:
    config = experiment.config
    return make_propose(
        controller,
        experiment.costs,
        config.constraints,
        config.search,
        lambda number: round_key(config, "ask", number),
        seeds,
        num_warm_up(config),
        adapt,
    )


def _optimizer(
    experiment: Experiment, params: SharedParams
) -> optax.GradientTransformation:
    """Of the whole search, its warm-up included."""
    train, search = experiment.config.train, experiment.config.search
    steps = train.pretune_steps + search.rounds * search.weight_steps
    return make_optimizer(train, params, steps)


def with_teacher(
    experiment: Experiment,
    engine: Engine,
    state: SearchState,
    rows: tuple[tuple[Batch, ...], ...],
    heldout: tuple[ScoringData, ...],
) -> tuple[Engine, SearchState, Data]:
    """What goes on after the warm-up: with a teacher, where there is to be one.

    When the warm-up has just ended, the full network becomes it; a run that goes on
    later has it saved.

    Returns:
        The engine and the state, and the data with what the teacher says of it.
    """
    if state.teacher is None:
        return engine, state, (rows, heldout)
    if int(state.round) == engine.num_warm_up:
        state = appoint(experiment, state)
    assert state.teacher is not None
    params = local(state.learner.params)
    teacher = whole_teacher(experiment, local(state.teacher), params)
    rows, heldout = listen(experiment, rows, heldout, teacher)
    mesh = make_mesh(experiment.config.devices)
    optimizer = _optimizer(experiment, state.learner.params)
    learn = make_learn(experiment, replicate(mesh, rows), optimizer, mesh)
    seeds = make_seeds(experiment, rows, teacher)
    propose = _make_propose(experiment, engine.controller, seeds, engine.adapt)
    scoring = make_scoring(experiment, rows, heldout)
    engine = engine._replace(learn=learn, propose=propose, **scoring)
    return engine, state, (rows, heldout)


def first_state(
    experiment: Experiment, controller: Controller, learner: Learner, mesh: Mesh
) -> SearchState:
    """The state before the first round: nothing is scored or remembered."""
    config = experiment.config
    archive = init_archive(
        config.search.archive_size,
        len(experiment.space.num_choices),
        len(experiment.objectives),
        sum(len(part.roles.aux_heldout) for part in experiment.parts),
    )
    zero = np.zeros((), np.int32)
    teacher = new_teacher(experiment, learner.params)
    return SearchState(
        learner=learner,
        controller=replicate(mesh, controller.init(round_key(config, "init", 0))),
        archive=replicate(mesh, archive),
        round=zero,
        evaluated=zero,
        rejected=zero,
        failed=zero,
        teacher=None if teacher is None else replicate(mesh, teacher),
    )


def make_scoring(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    heldout: tuple[ScoringData, ...],
) -> dict[str, Any]:
    """The fields of `search.Engine` that score populations.

    Args:
        rows: what candidates learn from, where they are trained first.
    """
    mesh = make_mesh(experiment.config.devices)
    as_is = make_evaluate(experiment, heldout, mesh)
    tune = make_tune(experiment, rows)
    score = as_is if tune is None else make_tuned_evaluate(tune, as_is)
    settings, evaluate = experiment.config.evaluate, score
    if settings.race is not None:
        evaluate = make_race_evaluate(experiment, heldout, mesh)
    if settings.halving is not None:
        evaluate = make_halving_evaluate(experiment, heldout, mesh)
    screen = make_screen(experiment, heldout, mesh)
    return {
        "evaluate": evaluate,
        "score": score,
        "score_as_is": as_is,
        "tune": tune,
        "screen": screen if tune is None else None,
    }
