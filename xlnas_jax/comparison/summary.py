"""What all cells say together: of each method its means, and what it gains.

Gains are over the first method, of the same seeds and test items.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xlnas_jax.results.scoring import from_sums
from xlnas_jax.tasks.summary import (
    Comparison,
    over_seeds,
    paired_bootstrap,
    transfer_gap,
    worst_language,
)

# Of each method, one cell a seed.
Cells = Mapping[str, Sequence[dict[str, Any]]]


def summarise(cells: Cells) -> dict[str, Any]:
    """By task, then by method: scores, gains over the first method, and costs."""
    first = next(iter(cells))
    tasks = cells[first][0]["tasks"]
    return {
        name: {
            method: {
                **_of_method(name, task, found),
                "gain": None
                if method == first
                else _gain(task, cells[first], found)._asdict(),
            }
            for method, found in cells.items()
        }
        for name, task in tasks.items()
    }


def few_shot(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the arm `few_shot` learnt from, and of each task its target mean before."""
    own = [one["few_shot"] for one in found]
    facts = {name: value for name, value in own[0].items() if name != "zero_shot"}
    means = {
        name: float(
            np.mean(
                [
                    _number(one["zero_shot"][column][task["primary"]])
                    for one in own
                    for column in task["roles"]["target"]
                ]
            )
        )
        for name, task in found[0]["tasks"].items()
    }
    return {**facts, "zero_shot_target_mean": means}


def translate_test(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By what test rows were translated, and how many were not; of all seeds alike."""
    return found[0]["translate_test"]


def _of_method(
    name: str, task: dict[str, Any], found: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Means over seeds, and how far seeds lie apart."""
    roles, primary = task["roles"], task["primary"]
    every = [column for columns in roles.values() for column in columns]
    scores = {
        column: [_number(one["languages"][column]["metrics"][primary]) for one in found]
        for column in every
    }
    targets = {column: scores[column] for column in roles["target"]}
    by_seed = np.mean(list(targets.values()), axis=0)
    mean = {column: float(np.mean(values)) for column, values in scores.items()}
    only = {column: mean[column] for column in targets}
    worst = worst_language(only)
    (source,) = roles["source"]
    return {
        "languages": mean,
        "auxiliary_mean": float(np.mean([mean[c] for c in roles["aux_heldout"]])),
        "source": mean[source],
        "target_mean": float(np.mean(by_seed)),
        "target_mean_by_seed": by_seed.tolist(),
        "worst_target": worst._asdict(),
        "transfer_gap": transfer_gap(mean[source], only),
        "alignment": _aligned(name, task, found),
        "probe": _probed(name, found),
        "seconds": _median([one["seconds"]["tuning"] for one in found]),
        "compiling": _median([one["seconds"]["compilation"] for one in found]),
        "peak_bytes": _median([one["peak_bytes"] for one in found]),
    }


def _number(value: float | None) -> float:
    """A file has null where a score is none."""
    return math.nan if value is None else value


def _median(values: Sequence[Any]) -> float | None:
    """None where something was not measured."""
    return None if None in values else float(np.median(values))


def _aligned(
    name: str, task: dict[str, Any], found: Sequence[dict[str, Any]]
) -> dict[str, dict[str, float]] | None:
    """Of each measure its mean over targets and seeds, before and after."""
    if not all(one["alignment"]["after"] for one in found):
        return None
    targets = [column.split("/")[-1] for column in task["roles"]["target"]]
    return {
        measure: {
            when: float(
                np.mean(
                    [
                        one["alignment"][when][name][measure][code]
                        for one in found
                        for code in targets
                    ]
                )
            )
            for when in ("before", "after")
        }
        for measure in found[0]["alignment"]["after"][name]
    }


def _probed(name: str, found: Sequence[dict[str, Any]]) -> dict[str, float] | None:
    """How often languages are told apart, before and after, and by chance."""
    if not all(one["probe"]["after"] for one in found):
        return None
    told = {
        when: float(np.mean([one["probe"][when][name]["accuracy"] for one in found]))
        for when in ("before", "after")
    }
    return {**told, "chance": found[0]["probe"]["after"][name]["chance"]}


def _gain(
    task: dict[str, Any],
    baseline: Sequence[dict[str, Any]],
    found: Sequence[dict[str, Any]],
) -> Comparison:
    """Target mean less the baseline's, over seeds and test items."""
    by_seed = {one["seed"]: one for one in baseline}
    targets = task["roles"]["target"]

    def items(cell: dict[str, Any]) -> dict[str, np.ndarray]:
        return {c: np.asarray(cell["languages"][c]["items"], float) for c in targets}

    return over_seeds(
        [
            paired_bootstrap(
                {c: one["languages"][c]["ids"] for c in targets},
                items(one),
                items(by_seed[one["seed"]]),
                from_sums(task["kind"]),
            )
            for one in found
        ]
    )
