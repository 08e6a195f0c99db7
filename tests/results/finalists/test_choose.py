"""The smallest within one standard error of the best wins; nothing else matters."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finalists.choose import (
    choose,
    measure_of,
    standard_error,
    value_of,
)
from xlnas_jax.results.finalists.contenders import Contender
from xlnas_jax.results.finalists.saved import Trained
from xlnas_jax.results.finalists.train import Finalist
from xlnas_jax.results.finish import Scored

NUM = 400
ERROR = {"error": 1.0}


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(tiny_config())


@pytest.fixture(scope="module")
def ids() -> Any:
    names = tuple(map(str, range(NUM)))
    return ({"pt": names, "it": names},)


def statistics(experiment: Experiment, wrong: np.ndarray) -> np.ndarray:
    """Of examples of class 0, some of which are taken for class 1."""
    size = len(experiment.parts[0].task.labels)
    found = np.zeros((len(wrong), 2 + size * size))
    found[:, 0] = 1.0
    found[np.arange(len(wrong)), 2 + wrong.astype(int)] = 1.0
    return found


def finalist(
    experiment: Experiment, wrong: np.ndarray, depth: int, kind: str = "found"
) -> Finalist:
    space = experiment.space
    row = np.array(space.flatten(space.smallest()))
    row[space.columns("keep")] = [1, depth > 1]
    error = wrong.mean()
    own = {code: statistics(experiment, wrong) for code in ("pt", "it")}
    metrics = ({"error": np.asarray([error, error])},)
    trained = Trained({}, np.asarray([error, 1.0]), metrics, (own,))
    nothing = Scored(row[None], np.zeros((1, 2)), ())
    return Finalist(Contender(kind, ("1/2",), row), nothing, nothing, trained)


def errors(count: int, first: int = 0) -> np.ndarray:
    wrong = np.zeros(NUM, bool)
    wrong[first : first + count] = True
    return wrong


def test_a_smaller_network_that_is_as_good_wins(experiment, ids) -> None:
    # One example more is wrong, but the 81 are other ones.
    large = finalist(experiment, errors(40), 2)
    small = finalist(experiment, errors(41, 100), 1)
    assert choose(experiment, ids, [large, small]) == 1


def test_a_smaller_network_that_is_worse_does_not(experiment, ids) -> None:
    large = finalist(experiment, errors(40), 2)
    small = finalist(experiment, errors(80), 1)
    assert choose(experiment, ids, [large, small]) == 0


def test_a_control_never_wins(experiment, ids) -> None:
    control = finalist(experiment, errors(0), 1, "uniform")
    found = finalist(experiment, errors(80), 2)
    assert choose(experiment, ids, [control, found]) == 1


def test_the_error_is_that_of_paired_differences(experiment, ids) -> None:
    one = finalist(experiment, errors(60), 2)
    other = finalist(experiment, errors(40, 20), 1)  # wrong in 40 of the same
    found = standard_error(experiment, ids, one, other, ERROR)
    # Languages are translations: an example is drawn in all of them at once.
    difference = errors(60).astype(float) - errors(40, 20)
    expected = difference.std() / np.sqrt(NUM)
    assert found == pytest.approx(expected, rel=0.1)


def test_more_languages_that_disagree_make_it_smaller(experiment, ids) -> None:
    one, other = finalist(experiment, errors(60), 2), finalist(experiment, errors(0), 1)
    alike = standard_error(experiment, ids, one, other, ERROR)
    shifted = {
        "pt": statistics(experiment, errors(60)),
        "it": statistics(experiment, errors(60, 200)),
    }
    trained = one.trained._replace(statistics=(shifted,))
    apart = standard_error(experiment, ids, one._replace(trained=trained), other, ERROR)
    assert apart < alike


def scored(base: Finalist, error: float, divergence: float) -> Finalist:
    """By auxiliary languages; of the second also by text of two others."""
    metrics = {
        "error": np.asarray([error, error]),
        "divergence": np.asarray([divergence - 1, divergence + 1]),
    }
    trained = base.trained._replace(metrics=(metrics,))
    return base._replace(trained=trained)


def test_of_both_each_counts_by_how_far_all_are_apart(experiment, ids) -> None:
    one = finalist(experiment, errors(60), 2)
    finalists = dataclasses.replace(experiment.config.finalists, by="both")
    config = dataclasses.replace(experiment.config, finalists=finalists)
    both = dataclasses.replace(experiment, config=config)
    given = [(0.1, 3.0), (0.2, 1.0), (0.6, 2.0)]
    every = [scored(one, *pair) for pair in given]
    found = [value_of(both, each, measure_of(both, every)) for each in every]
    # Sums of deviations in units of their own, up to what all have in common.
    apart = np.asarray(given) / np.std(given, axis=0)
    np.testing.assert_allclose(found, apart.sum(1), rtol=1e-6)
    assert np.argmin(found) == 1
    # By one of them it is that one, as it is.
    assert measure_of(experiment, every) == ERROR
    same = [scored(one, 0.3, divergence) for divergence in (1.0, 2.0)]
    assert measure_of(both, same)["error"] == 0.0
    other = finalist(experiment, errors(0), 1)
    single = standard_error(experiment, ids, one, other, ERROR)
    double = standard_error(experiment, ids, one, other, {"error": 2.0})
    assert double == pytest.approx(2 * single)
