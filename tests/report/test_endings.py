"""Finalists and differences are those of `front.json`."""

import pytest

from xlnas_jax.report.endings import comparison_rows, finalist_rows


def test_finalists_have_their_objective_before_and_after(one):
    rows = finalist_rows(one)
    networks = one.front["finalists"]["networks"]
    assert [(row["before"], row["after"]) for row in rows] == [
        (network["before"]["objectives"]["error"], network["objectives"]["error"])
        for network in networks
    ]
    assert [row["kind"] for row in rows] == [network["kind"] for network in networks]
    picked = [row["order"] for row in rows if row["label"].endswith(", picked")]
    assert picked == [one.front["finalists"]["winner"]]


def test_differences_keep_their_intervals_in_points(one):
    rows = {row["what"]: row for row in comparison_rows(one)}
    found = rows["best less full network"]
    assert [found[key] for key in ("difference", "low", "high")] == [-3.0, -5.0, -1.0]
    found = rows["1/4: found less bottom"]
    assert [found[key] for key in ("difference", "low", "high")] == pytest.approx(
        [2.0, -1.0, 5.0]
    )
    finalists = one.front["finalists"]["comparisons"]
    several = sum(len(kinds) for kinds in finalists.values())
    assert len(rows) == len(one.front["comparisons"]) + several
