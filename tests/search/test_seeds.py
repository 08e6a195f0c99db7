"""What pruning leaves of the teacher is scored first, and the same when resumed."""

import dataclasses
from typing import Any, get_args

import numpy as np
import pytest

from tests.experiments import RANDOM, tiny_config, warmed_up
from xlnas_jax.config.config import Config
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.search import Seed
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search.engine import make_engine, with_teacher
from xlnas_jax.search.pruners import Pruners
from xlnas_jax.search.seeds import PRUNERS, STRUCTURES
from xlnas_jax.search.teacher import whole_teacher
from xlnas_jax.types import ConfigError

PRUNED = ("magnitude", "taylor", "influence")


def config(method: str = "distill") -> Config:
    base = tiny_config(controller=RANDOM)
    return dataclasses.replace(
        base,
        search=dataclasses.replace(base.search, seeds=("bottom", *PRUNED)),
        finalists=FinalistsConfig(budgets=(0.75, 0.5)),
        train=dataclasses.replace(base.train, method=method),
    )


def test_they_are_the_networks_that_pruners_leave() -> None:
    experiment = prepare(config())
    engine, state, data = warmed_up(experiment)
    assert state.teacher is not None
    teacher = whole_teacher(experiment, state.teacher, state.learner.params)
    pruners = Pruners(experiment, teacher, data[0])
    wanted = {tuple(one.row.tolist()) for kind in PRUNED for one in pruners.prune(kind)}
    met: set[Any] = set()
    for number in range(3):
        proposal = engine.propose(state.controller, engine.num_warm_up + number)
        given = ~proposal.is_drawn[: proposal.num]
        met |= {tuple(r) for r in proposal.indices[: proposal.num][given].tolist()}
    assert wanted <= met
    # Of a later start, with other shared weights, they are the same.
    later = dataclasses.replace(state, round=state.round + np.int32(1))
    again, _, _ = with_teacher(experiment, engine, later, *data)
    for number in range(2):
        one, other = (
            e.propose(state.controller, engine.num_warm_up + number)
            for e in (engine, again)
        )
        np.testing.assert_array_equal(one.indices, other.indices)


def test_without_a_teacher_there_is_nothing_to_prune() -> None:
    experiment = prepare(config("sandwich"))
    data = training_rows(experiment), heldout_data(experiment)
    with pytest.raises(ConfigError, match=r"search\.seeds: what is pruned"):
        make_engine(experiment, *data)


def test_every_structure_and_pruner_can_be_a_seed() -> None:
    assert get_args(Seed) == (*STRUCTURES, *PRUNERS)
