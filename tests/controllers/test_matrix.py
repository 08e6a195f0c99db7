"""Every strategy with every objective in every space: two rounds within the limits."""

import dataclasses
import itertools
import typing

import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import AnyController
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.types import ConfigError

KINDS = {config().kind: config() for config in typing.get_args(AnyController)}
OBJECTIVES = {
    "error": ("error",),
    "error and size": ("error", "encoder_params"),
    "worst loss, work and memory": ("worst_loss", "flops", "memory_bytes"),
}
SPACES = {
    "all knobs": SpaceConfig(heads=(1, 2), ffn=(8, 16, 32), pooling=("mean", "max")),
    "depth": SpaceConfig(),
    "widths": SpaceConfig(elastic_depth=False, heads=(1, 2), ffn=(8, 16, 32)),
}


DEFAULT = ("gdas",)
# What makes no sense is refused; see `taxonomy`.
REFUSED = {
    ("nsga2", "error"),
    ("darts", "worst loss, work and memory"),
    ("gdas", "worst loss, work and memory"),
}


def combinations() -> list:
    """All that make sense; in the default run a strategy that takes gradients alone.

    Others run whole in `test_search`, `test_population` and `cli`. That every strategy
    asks for what the space has, under `scan` and after failures, is held by
    `test_registry`.
    """
    found = []
    for number, kind in enumerate(KINDS):
        pairs = list(itertools.product(OBJECTIVES, SPACES))
        pairs = [pair for pair in pairs if (kind, pair[0]) not in REFUSED]
        chosen = pairs[(4 * number) % len(pairs)]
        for pair in pairs:
            is_default = kind in DEFAULT and pair == chosen
            marks = () if is_default else (pytest.mark.slow,)
            found.append(pytest.param(kind, *pair, marks=marks))
    return found


def configured(kind: str, objectives: str, space: str) -> Config:
    return tiny_config(
        controller=KINDS[kind],
        space=SPACES[space],
        train=TrainConfig(batch_size=16, num_random=1),
        search=SearchConfig(
            rounds=2,
            weight_steps=1,
            population=6,
            archive_size=16,
            objectives=OBJECTIVES[objectives],
        ),
    )


@pytest.mark.parametrize(("kind", "objectives", "space"), combinations())
def test_two_rounds_run_and_keep_the_limits(kind, objectives, space):
    config = configured(kind, objectives, space)
    experiment = prepare(config)
    rows, heldout = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, rows, heldout)
    scored = []

    def spy(params, indices, num):
        scored.append(indices[:num])
        return engine.evaluate(params, indices, num)

    for _ in range(2):
        state, _ = step(engine._replace(evaluate=spy), state)

    rows = np.concatenate(scored)
    assert 0 < len(rows) == int(state.evaluated) <= 12
    assert is_feasible(rows, experiment.costs, config.constraints).all()
    archive = state.archive
    kept = np.asarray(archive.indices)[np.asarray(archive.is_valid)]
    assert len(kept) > 0
    assert is_feasible(kept, experiment.costs, config.constraints).all()
    assert len(np.unique(kept, axis=0)) == len(kept)
    scores = np.asarray(archive.objectives)[np.asarray(archive.is_valid)]
    assert scores.shape[1] == len(OBJECTIVES[objectives])
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(("kind", "objectives"), sorted(REFUSED))
def test_what_makes_no_sense_is_refused_and_says_why(kind, objectives):
    with pytest.raises(ConfigError, match=f"{kind} .* (Add|Put|Leave)"):
        prepare(configured(kind, objectives, "all knobs"))


def test_the_limits_of_the_matrix_exclude_something():
    config = tiny_config()
    for space in SPACES.values():
        experiment = prepare(dataclasses.replace(config, space=space))
        largest = np.asarray(experiment.space.flatten(experiment.space.largest()))
        assert not is_feasible(
            largest[None], experiment.costs, config.constraints
        ).any()
