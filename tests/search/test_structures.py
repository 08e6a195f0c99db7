"""What one has without a search is scored first, and strategies learn of it rightly."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.experiments import RANDOM, tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import Nsga2Controller, ReinforceController
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.search.seeds import make_seeds
from xlnas_jax.search.strategy import of_its_own
from xlnas_jax.search.structures import structures

BUDGETS = (0.75, 0.5)


def config(controller: Any = RANDOM, **search: Any) -> Config:
    base = tiny_config(controller=controller)
    given = {"seeds": ("uniform", "bottom"), "population": 3, "rounds": 3, **search}
    return dataclasses.replace(
        base,
        search=dataclasses.replace(base.search, **given),
        finalists=FinalistsConfig(budgets=BUDGETS),
        train=dataclasses.replace(base.train, pretune_steps=0),
    )


@pytest.mark.parametrize("kind", ["uniform", "bottom"])
def test_each_is_the_costliest_of_its_depth_within_a_budget(kind) -> None:
    experiment = prepare(config())
    space, costs = experiment.space, experiment.costs
    rows = structures(experiment, kind)
    assert len(np.unique(rows, axis=0)) == len(rows)
    flops = costs.counted(rows)["flops"]
    budgets = [costs.flops_of_share(share) for share in BUDGETS]
    assert (flops <= max(budgets)).all()
    for row in rows:
        for knob in ("heads", "ffn"):
            kept = space.is_kept(row[None])[0]
            assert len(set(row[space.columns(knob)][kept].tolist())) == 1
    if kind == "bottom":
        kept = space.is_kept(rows)
        assert (kept[:, 0] | ~kept[:, 1]).all()


def test_the_first_rounds_score_them_before_anything_that_is_drawn() -> None:
    experiment = prepare(config())
    data = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, *data)
    given = make_seeds(experiment, data[0]).rows()
    assert len(given) <= make_seeds(experiment, data[0]).most
    size = experiment.config.search.population
    assert len(given) > size  # more than one round takes
    for number in range(2):
        part = given[number * size : (number + 1) * size]
        state, metrics = step(engine, state)
        told = metrics.told
        assert told is not None and told.is_drawn is not None
        np.testing.assert_array_equal(told.indices[: len(part)], part)
        assert not np.asarray(told.is_drawn)[: len(part)].any()
        assert np.asarray(told.is_drawn)[len(part) :].all()
    state, metrics = step(engine, state)
    assert metrics.told is not None and metrics.told.is_drawn is not None
    if len(given) <= 2 * size:
        assert np.asarray(metrics.told.is_drawn).all()


def test_without_any_nothing_changes() -> None:
    experiment = prepare(config(seeds=()))
    none = make_seeds(experiment, training_rows(experiment))
    assert none.most == len(none.rows()) == 0


@pytest.mark.slow
def test_a_policy_gradient_is_told_of_its_own_draws_alone() -> None:
    heard = []

    def run(controller: Any) -> list[Any]:
        experiment = prepare(config(controller))
        data = training_rows(experiment), heldout_data(experiment)
        engine, state = make_engine(experiment, *data)
        inner = engine.controller
        heard.clear()

        def spy(state: Any, told: Any) -> Any:
            heard.append(np.asarray(told.is_valid))
            return inner.tell(state, told)

        spied = inner._replace(tell=spy)
        if not inner.learns_from_any:
            spied = of_its_own(spied)
        step(engine._replace(controller=spied), state)
        return heard

    assert not run(ReinforceController())[0].any()
    assert run(Nsga2Controller())[0].all()
