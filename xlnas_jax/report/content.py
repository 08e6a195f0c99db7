"""All that is drawn of some runs, as plain values: what `--json` prints."""

from collections.abc import Sequence
from typing import Any

from xlnas_jax.report.endings import comparison_rows, finalist_rows
from xlnas_jax.report.facts import facts_of
from xlnas_jax.report.found import Found, differing, groups_of
from xlnas_jax.report.languages import score_rows
from xlnas_jax.report.latency import latency_facts, latency_rows
from xlnas_jax.report.networks import Row, axes_of, limit_rows, network_rows
from xlnas_jax.report.rounds import candidate_rows, curve_rows
from xlnas_jax.report.seeds import label_of, seed_rows

FORMAT = 1


def make_content(runs: Sequence[Found]) -> dict[str, Any]:
    """Facts of each run, then rows to draw, by the name of what they are."""
    groups = groups_of(runs)
    every = list(zip(runs, groups, strict=True))
    axes = dict.fromkeys(name for run in runs for name in axes_of(run))
    return {
        "format": FORMAT,
        "runs": [
            {
                **facts_of(run),
                "group": group,
                "runs": label_of(runs, groups, group),
                "latency": latency_facts(run),
            }
            for run, group in every
        ],
        "differences": _differences(runs, groups),
        "axes": list(axes),
        "data": {
            "networks": [row for run in runs for row in network_rows(run)],
            "limits": [row for run in runs for row in limit_rows(run)],
            "scores": _scores(runs),
            "curves": [
                row
                for run, group in every
                for row in curve_rows(run, label_of(runs, groups, group))
            ],
            "candidates": [row for run in runs for row in candidate_rows(run)],
            "finalists": [row for run in runs for row in finalist_rows(run)],
            "comparisons": [row for run in runs for row in comparison_rows(run)],
            "latency": [row for run in runs for row in latency_rows(run)],
            "seeds": seed_rows(runs, groups) if len(runs) > 1 else [],
        },
    }


def _scores(runs: Sequence[Found]) -> list[Row]:
    """Networks of all runs side by side, those of one run beside each other."""
    rows: list[Row] = []
    for run in runs:
        first = max((row["order"] + 1 for row in rows), default=0)
        rows += score_rows(run, first, len(runs) == 1)
    return rows


def _differences(runs: Sequence[Found], groups: Sequence[int]) -> list[dict[str, Any]]:
    """By what the configurations of later groups differ from that of the first."""
    found, seen = [], {0}
    for run, group in zip(runs, groups, strict=True):
        if group not in seen:
            seen.add(group)
            options = differing(runs[0].config, run.config)
            label = label_of(runs, groups, group)
            found.append({"runs": label, "options": [list(one) for one in options]})
    return found
