"""Runs of one configuration, which differ by seed: means, and how far apart."""

from collections.abc import Sequence

import numpy as np

from xlnas_jax.report.found import Found
from xlnas_jax.report.networks import Row, network_rows


def seed_rows(runs: Sequence[Found], groups: Sequence[int]) -> list[Row]:
    """Of every value of a named network its mean over seeds, and the deviation.

    Networks are those that every run names alike: baselines, picks, and finalists by
    what they stand for. One run alone has no deviation.
    """
    found: dict[tuple[int, str, str], list[float]] = {}
    sizes: dict[int, int] = {}
    for run, group in zip(runs, groups, strict=True):
        if not run.is_finished:
            continue
        sizes[group] = sizes.get(group, 0) + 1
        named = {}
        for row in network_rows(run):
            own = [] if row["name"] == row["id"] else [row["name"]]
            for name in row["picks"] or own:
                named.setdefault(name, row)
        for name, row in named.items():
            for value, number in row["values"].items():
                found.setdefault((group, name, value), []).append(float(number))
    return [
        _row(group, label_of(runs, groups, group), name, value, numbers)
        for (group, name, value), numbers in found.items()
        if len(numbers) == sizes[group]
    ]


def label_of(runs: Sequence[Found], groups: Sequence[int], group: int) -> str:
    """What a group is called: its run, or the first of its seeds and how many."""
    own = [run.label for run, one in zip(runs, groups, strict=True) if one == group]
    return own[0] if len(own) == 1 else f"{own[0]} and {len(own) - 1} more seeds"


def _row(group: int, label: str, name: str, value: str, numbers: list[float]) -> Row:
    mean = float(np.mean(numbers))
    spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else 0.0
    return {
        "group": group,
        "runs": label,
        "network": name,
        "of": value,
        "seeds": len(numbers),
        "mean": round(mean, 6),
        "deviation": round(spread, 6),
        "low": round(mean - spread, 6),
        "high": round(mean + spread, 6),
    }
