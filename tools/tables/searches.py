"""Tables of recorded searches."""

from collections.abc import Callable
from typing import Any

import numpy as np

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
    """Command, environment, sizes and scores per language of recorded searches."""
    document = load(name)
    runs = document["runs"]
    seeds = ", ".join(str(run["seed"]) for run in runs)
    return "\n".join(
        [
            f"`{document['command']}`",
            "",
            f"Seed {seeds}; {machine(document['environment'])}; "
            f"{_minutes(runs)} a run.",
            f"Limit: {_limits(runs[0])}. {_counts(runs)}",
            "",
            *_table(runs),
            *_comparisons(runs),
            "",
            "",
        ]
    )


def _minutes(runs: list[dict[str, Any]]) -> str:
    times = [run["measured"]["seconds"] / 60 for run in runs]
    if len(times) == 1:
        return f"{times[0]:.0f} minutes"
    return f"{min(times):.0f} to {max(times):.0f} minutes"


def _limits(run: dict[str, Any]) -> str:
    limits = [f"{c['cost']} ≤ {c['limit']:,.0f}" for c in run["constraints"]]
    return ", ".join(limits) if limits else "none"


def _counts(runs: list[dict[str, Any]]) -> str:
    evaluated = ", ".join(str(run["evaluated"]) for run in runs)
    rejected = ", ".join(str(run["rejected_before_evaluation"]) for run in runs)
    compiled = [r["measured"]["compile"]["programs_by_phase"] for r in runs]
    late = ", ".join(str(phases["later_rounds"]) for phases in compiled)
    return (
        f"Candidates scored: {evaluated}; rejected before any forward pass: "
        f"{rejected}; programs compiled after the first round: {late}."
    )


def _table(runs: list[dict[str, Any]]) -> list[str]:
    """Mean over the seeds, with the sample deviation where there are several."""
    objective = runs[0]["objectives"][0]
    names = {"loss": "cross-entropy"}
    rows = [
        ["", *HEADINGS.values(), "without a network"],
        ["encoder parameters (M)", *_each(runs, _cost("encoder_params")), ""],
        ["MFLOPs an input", *_each(runs, _cost("flops")), ""],
        [
            f"auxiliary dev {names.get(objective, objective)}",
            *_each(runs, lambda n: n["objectives"][objective], 3),
            "",
        ],
    ]
    for name in runs[0]["tasks"]:
        rows += _task_rows(runs, name)
    return table(rows)


def _task_rows(runs: list[dict[str, Any]], name: str) -> list[list[str]]:
    """One task: its metric, a language a row, and what sums the targets up."""
    task = runs[0]["tasks"][name]
    roles, primary = task["roles"], task["primary"]
    metric, trivial = METRICS[primary], task["trivial"]["name"]
    title = metric if name == "task" else f"{name}: {metric}"
    rows = [[f"*{title}*", *[""] * len(HEADINGS), f"*{trivial}*"]]
    languages = [(roles["source"], "source")]
    languages += [(column, "auxiliary") for column in roles["aux_heldout"]]
    languages += [(column, "target") for column in roles["target"]]
    for column, role in languages:
        scores = _each(runs, lambda n, c=column: 100 * n["languages"][c][primary])
        rows.append([f"{column} ({role})", *scores, _trivial(runs, name, [column])])

    def summed(key: str) -> list[str]:
        return _each(runs, lambda n: 100 * n["summary"]["tasks"][name][key])

    means = _trivial(runs, name, roles["target"])
    rows.append(["**target mean**", *summed("target_mean"), means])
    rows.append(["targets and source", *summed("mean_with_source"), ""])
    rows.append(["transfer gap", *summed("transfer_gap"), ""])
    return rows


def _trivial(runs: list[dict[str, Any]], name: str, columns: list[str]) -> str:
    """What the baseline without a network scores, as a mean over columns."""
    scores = [run["tasks"][name]["trivial"]["scores"] for run in runs]
    return _spread([100 * float(np.mean([s[c] for c in columns])) for s in scores])


def _cost(name: str) -> Callable[[dict[str, Any]], float]:
    return lambda network: network["costs"][name] / 1e6


def _comparisons(runs: list[dict[str, Any]]) -> list[str]:
    """Found less each baseline, with the interval over test items, by seed."""
    lines = []
    for baseline, heading in HEADINGS.items():
        cells = []
        for run in runs:
            for name, found in run.get("comparisons", {}).get(baseline, {}).items():
                where = "" if name == "task" else f"{name} "
                low, high = 100 * found["low"], 100 * found["high"]
                cells.append(
                    f"{where}{100 * found['difference']:+.1f} [{low:+.1f}, {high:+.1f}]"
                )
        if cells:
            lines.append(f"- {heading}: {'; '.join(cells)}")
    if lines:
        heading = (
            "Found less the others, target mean in points, with the 95 % interval "
            "over test items (paired bootstrap):"
        )
        return ["", heading, "", *lines]
    return []


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
