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
from xlnas_jax.results.finalists.train import Workshop, named_once, with_known


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


def test_a_control_that_the_search_met_is_found_too(made) -> None:
    experiment, params, rows = made
    given = [
        Contender("found", ("1/4",), rows[0]),
        Contender("bottom", ("1/2",), rows[1]),
        Contender("uniform", ("1/2",), rows[2]),
        Contender("uniform", ("1/4",), rows[0]),
    ]
    here = shop(experiment, params, params)
    found = with_known(here, given, rows[:2])
    assert [(one.kind, one.row.tolist()) for one in found] == [
        *((one.kind, one.row.tolist()) for one in given),
        ("found", rows[1].tolist()),
    ]
    assert len(set(names(experiment, found))) == len(set(names(experiment, given)))


def test_one_that_would_have_to_be_trained_again_is_not(made) -> None:
    experiment, params, rows = made
    other = jax.tree.map(lambda leaf: leaf + 1.0, params)
    given = [Contender("taylor", ("1/2",), rows[0], "taylor")]
    assert with_known(shop(experiment, params, other), given, rows) == given
    both = with_known(shop(experiment, params, params), given, rows)
    assert [one.kind for one in both] == ["taylor", "found"]
    assert len(set(names(experiment, both))) == 1
