"""What the end chooses keeps limits on scores, controls too."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.experiments import tiny_config, warmed_up
from xlnas_jax.config.config import Config
from xlnas_jax.experiment.budgets import budgets_of
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finalists.contenders import make_contenders
from xlnas_jax.results.finish import (
    Rescore,
    Scored,
    final_front,
    random_control,
    remembered,
    uniform_scaling,
    within,
)
from xlnas_jax.search.pruners import Pruners
from xlnas_jax.search.search import step
from xlnas_jax.types import ArchitectureError


def config(limit: float | None = None) -> Config:
    base = tiny_config()
    return dataclasses.replace(
        base,
        languages=dataclasses.replace(base.languages, unlabelled=("pt", "nl")),
        train=dataclasses.replace(base.train, method="distill", pretune_steps=6),
        search=dataclasses.replace(base.search, objectives=("divergence", "flops")),
        constraints=dataclasses.replace(base.constraints, divergence=limit),
    )


@pytest.fixture(scope="module")
def ended() -> Any:
    """A search that no limit held back, and what its archive is apart by now."""
    experiment = prepare(config())
    engine, state, data = warmed_up(experiment)
    for _ in range(4):
        state, _ = step(engine, state)
    score = Rescore(experiment, engine, state.learner.params)
    front = final_front(experiment, score, state.archive)
    return engine, state, data, front


def ended_within(experiment: Experiment, engine: Any, state: Any) -> Scored:
    score = Rescore(experiment, engine, state.learner.params)
    return final_front(experiment, score, state.archive)


def _score(experiment: Experiment, engine: Any, state: Any) -> Rescore:
    return Rescore(experiment, engine, state.learner.params)


def limited(limit: float) -> Experiment:
    return prepare(config(limit))


def test_a_front_of_young_weights_is_judged_by_the_final_ones(ended) -> None:
    engine, state, _, free = ended
    apart = np.sort(free.objectives[:, 0])
    assert len(apart) >= 3
    limit = float(apart[1])
    front = ended_within(limited(limit), engine, state)
    assert front.objectives[:, 0].tolist() == apart[:2].tolist()


def test_no_control_is_over_the_limit(ended) -> None:
    engine, state, data, free = ended
    limit = float(np.median(free.objectives[:, 0]))
    experiment = limited(limit)
    front = ended_within(experiment, engine, state)
    pruners = Pruners(experiment, state.learner.params, data[0])
    score = Rescore(experiment, engine, state.learner.params)
    found = [
        random_control(experiment, engine, score, int(state.evaluated)),
        uniform_scaling(experiment, score),
    ]
    assert any(one is not None for one in found)
    for one in found:
        assert one is None or one.objectives[0, 0] <= limit
    contenders = make_contenders(experiment, score, 24, front, front, pruners)
    apart = {
        tuple(row): value
        for row, value in zip(free.indices.tolist(), free.objectives[:, 0], strict=True)
    }
    for one in contenders:
        assert apart.get(tuple(one.row.tolist()), 0.0) <= limit


def test_what_is_remembered_is_within_the_limit_and_dominated_too(ended) -> None:
    engine, state, _, free = ended
    every = remembered(limited(1e9), _score(limited(1e9), engine, state), state.archive)
    assert len(every) == int(state.archive.is_valid.sum()) > len(free)
    limit = float(np.median(every.objectives[:, 0]))
    experiment = limited(limit)
    score = _score(experiment, engine, state)
    found = remembered(experiment, score, state.archive)
    assert 0 < len(found) < len(every) and (found.objectives[:, 0] <= limit).all()


def test_contenders_for_budgets_come_from_the_pool(ended) -> None:
    engine, state, data, front = ended
    base = config()
    finalists = dataclasses.replace(base.finalists, tries=50, controls=())
    search = dataclasses.replace(base.search, finalists=50)
    experiment = prepare(dataclasses.replace(base, finalists=finalists, search=search))
    score = _score(experiment, engine, state)
    pool = remembered(experiment, score, state.archive)
    pruners = Pruners(experiment, state.learner.params, data[0])
    given = experiment, score, 24, front
    found = {
        name: {tuple(one.row.tolist()) for one in make_contenders(*given, own, pruners)}
        for name, own in (("front", front), ("pool", pool))
    }
    on_front = set(map(tuple, front.indices.tolist()))
    most = budgets_of(experiment).limits()[0]
    sizes = experiment.costs.counted(pool.indices)["flops"]
    fits = set(map(tuple, pool.indices[sizes <= most].tolist()))
    assert found["front"] == on_front
    assert found["pool"] == on_front | fits and found["pool"] > found["front"]


def test_a_control_with_nothing_within_does_not_exist(ended) -> None:
    engine, state, _, _ = ended
    experiment = limited(1e-12)
    score = Rescore(experiment, engine, state.learner.params)
    assert random_control(experiment, engine, score, 24) is None
    assert uniform_scaling(experiment, score) is None


@pytest.mark.slow
def test_no_language_may_lose_more_than_it_is_allowed() -> None:
    base = config()
    free = dataclasses.replace(
        base, search=dataclasses.replace(base.search, objectives=("drop", "flops"))
    )
    engine, state, _ = warmed_up(prepare(free))
    for _ in range(2):
        state, _ = step(engine, state)
    score = _score(prepare(free), engine, state)
    every = remembered(prepare(free), score, state.archive)
    # Two auxiliary languages, and one of text alone, which has no labels to lose.
    lost = every.metrics[0]["drop"][:, :2]
    np.testing.assert_allclose(every.objectives[:, 0], lost.mean(-1), rtol=1e-5)

    held = prepare(
        dataclasses.replace(
            free, constraints=dataclasses.replace(free.constraints, drop=0.05)
        )
    )
    # Whatever the third column is.
    drops = np.asarray([[0.05, -0.3, 0.9], [0.0, 0.06, 0.0], [0.051, -0.5, 0.0]])
    given = every.take(np.arange(3))
    metrics = ({**given.metrics[0], "drop": drops},)
    found = within(held, dataclasses.replace(given, metrics=metrics))
    assert found.tolist() == [True, False, False]


def test_a_front_with_nothing_within_says_how_far_it_is(ended) -> None:
    engine, state, _, _ = ended
    with pytest.raises(ArchitectureError, match="divergence: some network must be"):
        ended_within(limited(1e-12), engine, state)
