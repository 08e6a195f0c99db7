"""Who stands for a budget, once all are trained."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.experiment.budgets import budgets_of
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finalists.choose import value_of
from xlnas_jax.results.finalists.contenders import Contender, at_budgets, told
from xlnas_jax.results.finalists.places import settled
from xlnas_jax.results.finalists.saved import Trained
from xlnas_jax.results.finalists.train import Finalist
from xlnas_jax.results.finish import Scored


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(tiny_config())


@pytest.fixture(scope="module")
def by_size(experiment) -> list[np.ndarray]:
    """Networks of rising FLOPs, from the smallest to the full one."""
    space = experiment.space
    rows = np.asarray(space.flatten(space.sample_valid(jax.random.key(0), 64)))
    rows = np.unique(space.canonical(rows), axis=0)
    order = np.argsort(experiment.costs.counted(rows)["flops"], kind="stable")
    return list(rows[order])


def finalist(row: np.ndarray, error: float, kind: str, *places: str) -> Finalist:
    values = np.asarray([error, 1.0])
    trained = Trained({}, values, ({"error": np.asarray([error, error])},), ())
    scored = Scored(row[None], values[None], ())
    return Finalist(Contender(kind, places, row), scored, scored, trained)


def held(found: list[Finalist]) -> list[tuple[str, ...]]:
    return [one.contender.places for one in found]


def within(experiment: Experiment, rows: list[np.ndarray], place: int) -> np.ndarray:
    """The largest network within a budget, by its position."""
    limit = budgets_of(experiment).limits()[place]
    flops = experiment.costs.counted(np.stack(rows))["flops"]
    return rows[int(np.flatnonzero(flops <= limit)[-1])]


def test_the_best_after_training_holds_the_budget(experiment, by_size) -> None:
    half = within(experiment, by_size, 0)
    small = by_size[0]
    found = settled(
        experiment,
        [
            finalist(half, 0.4, "found", "1/2", "error"),
            finalist(small, 0.3, "found", "1/2"),
        ],
    )
    # The smaller one is better, and within every budget that it fits.
    assert held(found)[0] == ("error",)
    assert "1/2" in held(found)[1]


def test_one_that_holds_nothing_was_tried(experiment, by_size) -> None:
    half, small = within(experiment, by_size, 0), by_size[0]
    found = settled(
        experiment,
        [finalist(half, 0.4, "random", "1/2"), finalist(small, 0.3, "random", "1/2")],
    )
    assert held(found)[0] == ("tried",)


def test_of_equal_ones_the_smaller_holds_it(experiment, by_size) -> None:
    half, small = within(experiment, by_size, 0), by_size[0]
    found = settled(
        experiment,
        [finalist(half, 0.3, "found", "1/2"), finalist(small, 0.3, "found", "1/4")],
    )
    assert "1/2" in held(found)[1]


def test_recipes_keep_what_they_are(experiment, by_size) -> None:
    half, small = within(experiment, by_size, 0), by_size[0]
    given = [
        finalist(half, 0.4, "uniform", "1/2"),
        finalist(small, 0.1, "uniform", "1/4"),
        finalist(half, 0.9, "found", "1/2"),
    ]
    assert held(settled(experiment, given))[:2] == [("1/2",), ("1/4",)]


def test_by_divergence_text_without_labels_counts_too() -> None:
    base = tiny_config()
    languages = dataclasses.replace(base.languages, unlabelled=("sw", "nl"))
    finalists = dataclasses.replace(base.finalists, by="divergence")
    experiment = prepare(
        dataclasses.replace(base, languages=languages, finalists=finalists)
    )
    (part,) = experiment.parts
    assert part.roles.text_only == ("sw", "nl")
    row = experiment.space.canonical(
        np.asarray(experiment.space.flatten(experiment.space.smallest()))[None]
    )[0]
    one = finalist(row, 0.0, "found", "1/2")
    columns = len(part.roles.aux_heldout)
    apart = np.asarray([0.1] * columns + [0.4, 0.7] + [9.0])  # the last: the source
    trained = one.trained._replace(metrics=({"divergence": apart},))
    found = value_of(experiment, one._replace(trained=trained), {"divergence": 1.0})
    assert found == pytest.approx(np.mean(apart[:-1]))


def test_more_tries_are_of_the_size_of_their_budget(experiment, by_size) -> None:
    rows = np.stack(by_size)
    errors = np.linspace(0.9, 0.1, len(rows))  # the larger, the better
    scored = Scored(rows, np.stack([errors, np.ones(len(rows))], -1), ())
    once = at_budgets(experiment, scored)
    assert len({place for _, place in once}) == len(once)
    more = at_budgets(experiment, scored, tries=3)
    assert more[0][0].tolist() == once[0][0].tolist()
    limits = budgets_of(experiment).limits()
    shares = experiment.config.finalists.budgets
    for share, limit, least in zip(shares, limits, (*limits[1:], 0), strict=True):
        own = [row for row, place in more if place == told(share)]
        flops = experiment.costs.counted(np.stack(own))["flops"] if own else np.zeros(0)
        assert len(own) <= 3 and (flops <= limit).all() and (flops[1:] > least).all()
