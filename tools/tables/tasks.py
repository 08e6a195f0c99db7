"""Searches of several tasks beside each other: what was found, and two controls."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tables.fronts import NAMES, Runs, at, places_of, scores_of, shown
from tables.markdown import (
    NOT_MEASURED,
    RESULTS,
    between,
    interval,
    load,
    mean_points,
    table,
)

TASKS = {
    "sib200_e5": "topics",
    "sentiment_e5": "sentiment",
    "ner_e5": "names",
    "qa_e5": "questions",
    "latency_e5": "topics, shares of latency",
}
# What a search must beat to be worth its time.
AGAINST = ("uniform", "random")
SHOWN = ("found", *AGAINST, "bottom", "taylor")
# Budgets that all of them have, of FLOPs or of latency.
PLACES = ("1/4", "1/8", "1/3", "1/6")


def tasks_block(folder: Path = RESULTS) -> str:
    """A row for each task and budget, and a sentence that counts them."""
    heads = ["task", "share", "full", *(NAMES[kind] for kind in SHOWN)]
    heads += [*(f"than {NAMES[kind]}" for kind in AGAINST), "seeds"]
    rows, missing, told = [heads], [], []
    for name, task in TASKS.items():
        if not (folder / f"{name}.json").exists():
            missing.append(f"`configs/{name}.yaml`")
            continue
        runs = load(name, folder)["runs"]
        for place in (one for one in PLACES if one in places_of(runs)):
            rows.append([task, place, *_row(runs, place)])
            told += [(kind, _compared(runs, kind, place)) for kind in AGAINST]
    words = [_counted(told)] if told else []
    if missing:
        words.append(f"{NOT_MEASURED.capitalize()}: {', '.join(missing)}.")
    return "\n".join([*table(rows), "", " ".join(words), "", ""])


def _row(runs: Runs, place: str) -> list[str]:
    full = shown([scores_of(run["networks"]["full"]) for run in runs])
    cells = [
        shown([scores_of(n) for run in runs if (n := at(run, kind, place))])
        for kind in SHOWN
    ]
    differences = []
    for kind in AGAINST:
        every = _compared(runs, kind, place)
        less = f"{mean_points(every):+.1f} ({between(interval(every))})"
        differences.append(less if every else "-")
    return [full, *cells, *differences, str(len(runs))]


def _compared(runs: Runs, kind: str, place: str) -> list[dict[str, float]]:
    """Of every seed, what was found less a control, in the mean over tasks."""
    found = [run["finalists"]["comparisons"].get(place, {}).get(kind) for run in runs]
    return [_mean(list(one.values())) for one in found if one]


def _mean(tasks: Sequence[dict[str, float]]) -> dict[str, float]:
    differences = [one["difference"] for one in tasks]
    errors = [one["error"] for one in tasks]
    return {
        "difference": float(np.mean(differences)),
        "error": float(np.linalg.norm(errors)) / len(tasks),
    }


def _counted(told: Sequence[tuple[str, list[dict[str, Any]]]]) -> str:
    """How often the interval excludes zero, on either side."""
    found = []
    for kind in AGAINST:
        ends = [interval(every) for one, every in told if one == kind and every]
        above = sum(low > 0 for low, _ in ends)
        below = sum(high < 0 for _, high in ends)
        found.append(
            f"than {NAMES[kind]} it is better in {above} of {len(ends)} rows, worse "
            f"in {below}"
        )
    return (
        f"What is found, by intervals over test items and seeds that exclude zero: "
        f"{'; '.join(found)}. In the interval of a single seed there is no spread "
        f"between seeds."
    )
