"""What networks are compared at: shares of FLOPs, or of latency."""

import dataclasses

import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.experiment.budgets import Budgets, budgets_of
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finalists.contenders import at_budgets
from xlnas_jax.results.finish import Scored
from xlnas_jax.search.pruners import best_within, worth_of_units
from xlnas_jax.search.structures import structures
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.latency import Latency, LatencyTable

SHARES = (0.75, 0.5)
MARGIN = 0.1


def timed(experiment: Experiment, measure=None) -> Experiment:
    """With a table in which attention costs nearly all, unlike FLOPs."""
    space = experiment.space
    heads, ffn = (len(space.options(stage)) for stage in space.stages)
    stages = tuple(1_000_000 * n for n in range(1, heads + 1)), tuple(range(ffn))
    table = LatencyTable((500_000,) * len(space.whole_rows), stages)
    costs = experiment.costs.with_latency(Latency(table, MARGIN, measure))
    return dataclasses.replace(experiment, costs=costs)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    finalists = FinalistsConfig(budgets=SHARES, budget_cost="latency_ms")
    config = dataclasses.replace(tiny_config(), finalists=finalists)
    return timed(prepare(config))


def test_the_limit_is_a_share_of_the_full_networks_less_the_margin(experiment) -> None:
    space, costs = experiment.space, experiment.costs
    full = np.asarray(space.num_choices, np.int32)[None] - 1
    own = costs.latency.table(space, full)[0]
    for share, limit in zip(SHARES, budgets_of(experiment).limits(), strict=True):
        assert limit == pytest.approx(share * own / (1 + MARGIN), rel=1e-6)


def test_what_is_within_is_what_a_limit_on_latency_allows(experiment) -> None:
    rows, budgets = every_architecture(experiment.space), budgets_of(experiment)
    for share, limit in zip(SHARES, budgets.limits(), strict=True):
        limits = budgets.within(share, ConstraintsConfig())
        allowed = is_feasible(rows, experiment.costs, limits)
        fits = budgets.amounts(rows) <= limit
        np.testing.assert_array_equal(fits, allowed)
        assert 0 < allowed.sum() < len(rows)


def test_a_tighter_limit_of_the_search_stays(experiment) -> None:
    budgets = budgets_of(experiment)
    tight, loose = (ConstraintsConfig(latency_ms=ms) for ms in (1e-3, 1e6))
    assert budgets.within(0.5, tight).latency_ms == 1e-3
    most = budgets.within(0.5, loose).latency_ms
    assert most is not None and most < 1e6
    by_flops = Budgets(experiment.costs, "flops", SHARES)
    most = by_flops.within(0.5, ConstraintsConfig(flops=1.0)).flops
    assert most == 1.0


def test_structures_and_pruners_keep_to_latency(experiment) -> None:
    budgets = budgets_of(experiment)
    for kind in ("uniform", "bottom"):
        rows = structures(experiment, kind)
        assert (budgets.amounts(rows) <= budgets.limits()[0]).all()
    rng = np.random.default_rng(0)
    ranking = {"heads": rng.uniform(size=(2, 2)), "ffn": rng.uniform(size=(2, 32))}
    worth = worth_of_units(experiment, ranking)

    def kept(row: np.ndarray) -> float:
        return sum(
            np.sort(ranking[name][number])[::-1][: values[name]].sum()
            for number, values in experiment.space.layers(row)
            for name in ranking
        )

    every = every_architecture(experiment.space)
    for share, limit in zip(SHARES, budgets.limits(), strict=True):
        row = best_within(experiment, worth, share)
        assert budgets.amounts(row[None])[0] <= limit
        best = max(map(kept, every[budgets.amounts(every) <= limit]))
        assert kept(row) == pytest.approx(best)


def test_fronts_are_compared_at_shares_of_latency(experiment) -> None:
    rows = every_architecture(experiment.space)
    rows = rows[is_feasible(rows, experiment.costs, ConstraintsConfig())]
    errors = np.random.default_rng(1).random(len(rows))
    scored = Scored(rows, np.stack([errors, errors], -1), ())
    budgets = budgets_of(experiment)
    found = at_budgets(experiment, scored)
    assert [place for _, place in found] == ["0.75", "1/2"]
    for (row, _), limit in zip(found, budgets.limits(), strict=True):
        fits = budgets.amounts(rows) <= limit
        np.testing.assert_array_equal(row, rows[fits][errors[fits].argmin()])


def test_a_table_that_is_not_trusted_only_plans(experiment) -> None:
    asked = []

    def measure(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return np.full(len(rows), 2.0)

    own = timed(experiment, measure)
    row = every_architecture(own.space)[:1]
    assert budgets_of(own).amounts(row).tolist() == [2_000_000]
    assert asked == [1]
    planned = budgets_of(own, is_planned=True)
    planned.amounts(row), planned.limits()
    assert asked == [1]
