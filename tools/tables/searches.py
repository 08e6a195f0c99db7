"""Tables of recorded searches."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tables.benchmarks import section
from tables.markdown import load, machine, table

# Every recorded search, in the order of the summary.
SEARCHES = (
    "sib200_minilm",
    "sentiment_minilm",
    "ner_minilm",
    "qa_minilm",
    "three_tasks_minilm",
)
HEADINGS = {
    "full": "full network",
    "uniform": "uniform scaling",
    "random": "random search",
    "best": "**found**",
}
METRICS = {
    "accuracy": "accuracy",
    "f1": "entity F1, lenient as in XTREME",
    "score": "mean of F1 and exact match",
}


def summary_block() -> str:
    """One row for each task of each recorded search: means over target languages."""
    heading = ["search", "metric", "targets", "no network", *HEADINGS.values()]
    rows = [heading]
    for name in SEARCHES:
        runs = load(name)["runs"]
        for task, facts in runs[0]["tasks"].items():
            targets = facts["roles"]["target"]
            label = name if task == "task" else f"{name}, {task}"
            rows.append(
                [
                    f"`{label}`",
                    METRICS[facts["primary"]],
                    str(len(targets)),
                    _trivial(runs, task, targets),
                    *_each(
                        runs,
                        lambda n, t=task: 100 * n["summary"]["tasks"][t]["target_mean"],
                    ),
                ]
            )
    return "\n".join([*table(rows, text_columns=2), "", ""])


def search_block(name: str) -> str:
    """Mean scores over target languages, and how sure the comparisons are."""
    document = load(name)
    runs = document["runs"]
    rows = [["", *HEADINGS.values()]]
    rows.append(["encoder parameters (M)", *_each(runs, _cost("encoder_params"))])
    for task, facts in runs[0]["tasks"].items():
        label = METRICS[facts["primary"]] if task == "task" else task

        def mean(network: dict[str, Any], task: str = task) -> float:
            return 100 * network["summary"]["tasks"][task]["target_mean"]

        rows.append([label, *_each(runs, mean)])
    where = machine(document["environment"])
    made = (
        f"`{document['command']}`: [every language](results/{name}.json); "
        f"{_minutes(runs)}; {where}."
    )
    return section(_verdict(runs), rows, made)


def _verdict(runs: list[dict[str, Any]]) -> str:
    """Found less uniform scaling and random search, in points of the target mean."""
    cells = []
    for baseline in ("uniform", "random"):
        for run in runs:
            for name, found in run.get("comparisons", {}).get(baseline, {}).items():
                where = "" if name == "task" else f" ({name})"
                low, high = 100 * found["low"], 100 * found["high"]
                cells.append(
                    f"{100 * found['difference']:+.1f} [{low:+.1f}, {high:+.1f}] to "
                    f"{HEADINGS[baseline]}{where}"
                )
    limits = ", ".join(
        f"{c['cost']} ≤ {c['limit']:,.0f}" for c in runs[0]["constraints"]
    )
    return (
        f"*Does what is found within {limits} transfer better than its controls?* In "
        f"points of the target mean: {'; '.join(cells)}."
    )


def _minutes(runs: list[dict[str, Any]]) -> str:
    times = [run["measured"]["seconds"] / 60 for run in runs]
    return f"{np.mean(times):.0f} minutes"


def _trivial(runs: list[dict[str, Any]], name: str, columns: list[str]) -> str:
    """What the baseline without a network scores, as a mean over columns."""
    scores = [run["tasks"][name]["trivial"]["scores"] for run in runs]
    return _spread([100 * float(np.mean([s[c] for c in columns])) for s in scores])


def _cost(name: str) -> Callable[[dict[str, Any]], float]:
    return lambda network: network["costs"][name] / 1e6


def _each(
    runs: list[dict[str, Any]],
    value: Callable[[dict[str, Any]], float],
    digits: int = 1,
) -> list[str]:
    return [
        _spread([value(run["networks"][name]) for run in runs], digits)
        for name in HEADINGS
    ]


def _spread(values: list[float], digits: int = 1) -> str:
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) < 2 or np.ptp(values) == 0:
        return mean
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}"
