"""Finalists that begin as the same weights are one network, whoever names it."""

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.results.finalists.contenders import SHARED, Contender
from xlnas_jax.results.finalists.train import Workshop, named_once


@pytest.fixture(scope="module")
def made() -> Any:
    experiment = prepare(tiny_config())
    rows = draw_feasible(experiment, 8, "control")
    return experiment, init_params(experiment), np.unique(rows, axis=0)


def shop(experiment: Any, shared: Any, teacher: Any) -> Any:
    score = SimpleNamespace(params=shared)
    given = experiment, None, (), None, score, teacher, None, lambda what: None
    return Workshop(*given)  # type: ignore[arg-type]


def names(experiment: Any, contenders: list[Contender]) -> list[str]:
    return [one.name(experiment) for one in contenders]


def test_the_same_start_has_one_name(made) -> None:
    experiment, params, rows = made
    given = [
        Contender("taylor", ("1/2",), rows[0], "taylor"),
        Contender("found", ("1/4",), rows[1]),
        Contender("found", ("1/2",), rows[0]),
        Contender("influence", ("1/4",), rows[2], "influence"),
    ]
    found = named_once(shop(experiment, params, params), given)
    assert [one.start for one in found] == ["taylor", SHARED, "taylor", "influence"]
    assert names(experiment, found)[0] == names(experiment, found)[2]
    assert [one.kind for one in found] == [one.kind for one in given]
    assert [one.places for one in found] == [one.places for one in given]


def test_other_weights_keep_their_names(made) -> None:
    experiment, params, rows = made
    other = jax.tree.map(lambda leaf: leaf + 1.0, params)
    given = [
        Contender("found", ("1/2",), rows[0]),
        Contender("taylor", ("1/2",), rows[0], "taylor"),
    ]
    found = named_once(shop(experiment, params, other), given)
    assert names(experiment, found) == names(experiment, given)
    assert len(set(names(experiment, found))) == 2
