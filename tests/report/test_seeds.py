"""Runs that differ by seed are told by mean and deviation."""

import dataclasses

import numpy as np
import pytest

from xlnas_jax.report.found import groups_of, read_found
from xlnas_jax.report.seeds import label_of, seed_rows


@pytest.fixture(scope="module")
def runs(folder):
    return read_found([folder / f"s{seed}" for seed in range(3)])


def test_means_and_deviations_are_those_of_the_seeds(runs):
    rows = seed_rows(runs, groups_of(runs))
    (found,) = [
        row
        for row in rows
        if row["network"] == "full network" and row["of"] == "target mean"
    ]
    full = [run.front["baselines"]["full"] for run in runs]
    own = [100 * point["summary"]["target_mean"] for point in full]
    assert found["seeds"] == 3
    assert found["mean"] == pytest.approx(np.mean(own), abs=1e-4)
    assert found["deviation"] == pytest.approx(np.std(own, ddof=1), abs=1e-4)
    ends = found["mean"] - found["deviation"], found["mean"] + found["deviation"]
    assert (found["low"], found["high"]) == pytest.approx(ends, abs=1e-5)


def test_finalists_of_one_budget_are_one_network_of_all_seeds(runs):
    rows = seed_rows(runs, groups_of(runs))
    assert {"uniform 1/4", "bottom 1/8", "best"} <= {row["network"] for row in rows}


def test_points_that_have_no_name_but_their_id_are_of_one_run_alone(runs):
    ids = {point["id"] for point in runs[0].front["points"]}
    names = {row["network"] for row in seed_rows(runs[:1], [0])}
    assert names & ids == set()
    assert "full network" in names


def test_what_one_seed_lacks_has_no_mean(runs):
    front = dict(runs[0].front)
    front["baselines"] = {"full": front["baselines"]["full"]}
    given = [dataclasses.replace(runs[0], front=front), *runs[1:]]
    names = {row["network"] for row in seed_rows(given, [0, 0, 0])}
    assert "full network" in names
    assert "random search" not in names


def test_a_group_is_called_by_its_runs(runs):
    assert label_of(runs, [0, 0, 0], 0) == "s0 and 2 more seeds"
    assert label_of(runs, [0, 1, 0], 1) == "s1"
