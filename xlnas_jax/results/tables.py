"""What the terminal shows of a finished search."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from xlnas_jax.results.document import (
    Document,
    columns_by_role,
    named_networks,
    target_mean,
)
from xlnas_jax.results.few_shot.document import KEY, told, trained_part
from xlnas_jax.results.finalists.document import steps_of
from xlnas_jax.terminal.text import Grid, say

BASELINES = {
    "full": "full network",
    "random": "random search",
    "uniform": "uniform scaling",
}


MAX_ROWS = 8


PRIMARY = {
    "accuracy": "accuracy",
    "f1": "entity F1 (lenient, as in XTREME)",
    "score": "mean of F1 and exact match",
    "p_at_1": "P@1 of translations, mean of both directions",
}


USAGE = {
    "classification": '["..."]',
    "tagging": '["..."]',
    "qa": '["question"], contexts=["..."]',
    "retrieval": '["..."]',
}


def make_front_table(document: Document) -> Grid:
    """The baselines and the front, one network a row."""
    aux = [c for t in document["tasks"].values() for c in t["roles"]["aux_heldout"]]
    title = (
        f"Front, chosen on {', '.join(aux)} alone (source and targets: test scores "
        "in %)"
    )
    first = f"aux {document['objectives'][0]}"
    headings = ("network", "encoder M", "MFLOPs", first, "source", "targets")
    rows = [(name, *summary_cells(document, p)) for name, p in _rows(document)]
    rule = len(document["baselines"])
    return Grid(title, headings, rows, rule=rule)


def make_language_table(document: Document, name: str) -> Grid:
    """Test scores of the named networks on one task, one language a row."""
    task = document["tasks"][name]
    title = f"Test {PRIMARY[task['primary']]} (%); trivial: {task['trivial']['name']}"
    networks = named_networks(document)
    trivial = task["trivial"]["scores"]
    rows = []
    for column, role in columns_by_role(task):
        scores = [n["languages"][column][task["primary"]] for n in networks.values()]
        rows.append(
            (f"{column} ({role})", _percent(trivial[column]), *map(_percent, scores))
        )
    mean = float(np.mean([trivial[code] for code in task["roles"]["target"]]))
    found = [p["summary"]["tasks"][name] for p in networks.values()]
    means = (mean, *(one["target_mean"] for one in found))
    gaps = (one["transfer_gap"] for one in found)
    worst = (one["worst_language"]["score"] for one in found)
    rule = len(rows)
    rows += [
        ("target mean", *map(_percent, means)),
        ("transfer gap", "", *map(_percent, gaps)),
        ("worst target", "", *map(_percent, worst)),
    ]
    return Grid(
        title if name == "task" else f"{name}: {title}",
        ("language", "trivial", *networks),
        rows,
        rule=rule,
    )


def _percent(rate: float | None, form: str = ".1f") -> str:
    """In `front.json` a score that is no number is null."""
    return "-" if rate is None or math.isnan(rate) else f"{100 * rate:{form}}"


def make_comparison_table(document: Document) -> Grid:
    """The best network against each baseline, with what other items could give."""
    rows = []
    for name, by_task in document["comparisons"].items():
        for task, found in by_task.items():
            where = "" if task == "task" else f" ({task})"
            names = ("difference", "low", "high")
            difference, low, high = (_percent(found[key], "+.1f") for key in names)
            interval = f"{low} to {high}"
            rows.append((f"{BASELINES[name]}{where}", difference, interval))
    return Grid(
        "Best network minus each baseline: target mean, in points",
        ("baseline", "difference", "95 % interval over test items"),
        rows,
    )


def make_finalist_table(document: Document) -> Grid:
    """What was trained alone, by budget: the front's and every control's."""
    found = document["finalists"]
    objective = document["objectives"][0]
    winner = found["networks"][found["winner"]]
    rows = []
    for one in found["networks"]:
        before = one["before"]["objectives"][objective]
        tasks = one["summary"]["tasks"].values()
        worst = [task["worst_language"]["score"] for task in tasks]
        rows.append(
            (
                f"{one['kind']}, picked" if one is winner else one["kind"],
                ", ".join(one["places"]),
                one["id"],
                _millions(one["costs"]["encoder_params"], 2),
                _millions(one["costs"]["flops"], 1),
                f"{before:.3f}",
                f"{one['objectives'][objective]:.3f}",
                _percent(target_mean(one)),
                _percent(min(worst)),
            )
        )
    title = (
        f"Finalists, {steps_of(found)} steps each alone; picked by {found['by']} on "
        f"auxiliary languages (targets: test scores in %)"
    )
    sizes = ("id", "encoder M", "MFLOPs")
    scores = (f"aux {objective} before", "after", "targets", "worst target")
    return Grid(title, ("network", "at", *sizes, *scores), rows)


def make_few_shot_table(document: Document, name: str) -> Grid:
    """Zero-shot scores of the exported network, and those after it saw targets."""
    task, found = document["tasks"][name], document[KEY]
    both = found["zero_shot"], found
    rows = [
        (
            f"{column} ({role})",
            *(_percent(one["languages"][column][task["primary"]]) for one in both),
        )
        for column, role in columns_by_role(task)
    ]
    means = [one["summary"]["tasks"][name]["target_mean"] for one in both]
    gain = found["comparisons"][name]
    difference, low, high = (
        _percent(gain[key], "+.1f") for key in ("difference", "low", "high")
    )
    prefix = "" if name == "task" else f"{name}: "
    return Grid(
        f"{prefix}The exported network before and after {found['steps']} steps of "
        f"{trained_part(found)} on {told(found)}: test {PRIMARY[task['primary']]} (%)",
        ("language", "zero-shot", "few-shot"),
        [*rows, ("target mean", *map(_percent, means))],
        notes=(
            f"Few-shot less zero-shot: {difference} points, 95 % interval over test "
            f"items {low} to {high}.",
        ),
        rule=len(rows),
    )


def few_shot_lines(document: Document) -> list[str]:
    """Where labels of targets trained what is exported, which a reader must know."""
    found = document.get(KEY)
    if found is None:
        return []
    return [
        f"The exported network learnt from {told(found)}, after the choice: its "
        f"few-shot scores are no zero-shot ones."
    ]


def rejected_lines(document: Document) -> list[str]:
    """Faulty rows that were passed over, where any were."""
    found = (
        (column, split, counts)
        for task in document["tasks"].values()
        for split, columns in task["rows"].items()
        for column, counts in columns.items()
        if counts["rejected"]
    )
    return [
        f"{column}, {split}: {sum(counts['rejected'].values())} of {counts['rows']} "
        "rows passed over ("
        + ", ".join(f"{n} {reason}" for reason, n in counts["rejected"].items())
        + ")"
        for column, split, counts in found
    ]


def text_lines(document: Document) -> list[str]:
    """Where text of targets was used, which a reader must know."""
    found = []
    for task in document["tasks"].values():
        roles = task["roles"]
        used = [one for one in roles.get("unlabelled", ()) if one in roles["target"]]
        if used:
            found.append(
                f"Text without labels of the targets {', '.join(used)} was used: they "
                f"are not languages that the networks never met."
            )
    return found


def print_results(
    console: Console, document: Document, directory: Path, artifact: Path
) -> None:
    """The tables, what was counted, and where everything is."""
    console.print(make_front_table(document))
    for name in document["tasks"]:
        console.print(make_language_table(document, name))
    console.print(make_comparison_table(document))
    if "finalists" in document:
        console.print(make_finalist_table(document))
    if KEY in document:
        for name in document["tasks"]:
            console.print(make_few_shot_table(document, name))
    lines = rejected_lines, text_lines, few_shot_lines
    for line in (line for found in lines for line in found(document)):
        say(console, line)
    failed = document["failed"]
    say(
        console,
        f"{document['evaluated']} candidates scored, "
        + (f"{failed} of them without a finite score, " if failed else "")
        + f"{document['rejected_before_evaluation']} rejected before any forward pass, "
        f"{len(document['points'])} on the front ({directory / 'front.json'}).",
    )
    say(console, f"Exported model: {artifact}")
    for name, task in document["tasks"].items():
        path = artifact if len(document["tasks"]) == 1 else artifact / name
        load = f'xlnas_jax.load("{path}").predict({USAGE[task["kind"]]})'
        say(console, f"Load it in Python: {load}")


def _rows(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """Baselines first, then the front, thinned evenly where it is long."""
    points = [point for point in document["points"] if point["languages"]]
    count = min(len(points), MAX_ROWS)
    shown = np.unique(np.linspace(0, len(points) - 1, count).round().astype(int))
    rows = [(BASELINES[name], point) for name, point in document["baselines"].items()]
    return rows + [(_called(document, points[i]), points[i]) for i in shown]


def _called(document: Document, point: dict[str, Any]) -> str:
    """The id of a network of the front, and what else it is called."""
    named = named_networks(document)
    names = [n for n in ("best", "smallest") if named[n]["id"] == point["id"]]
    return point["id"] + (f" ({', '.join(names)})" if names else "")


def summary_cells(document: Document, point: dict[str, Any]) -> list[str]:
    """Size, work and scores of one network, as they are shown."""
    tasks = point["summary"]["tasks"].values()
    sources = np.asarray([found["source"] for found in tasks], float)
    objective = point["objectives"][document["objectives"][0]]
    return [
        _millions(point["costs"]["encoder_params"], 2),
        _millions(point["costs"]["flops"], 1),
        "-" if objective is None else f"{objective:.3f}",
        _percent(float(sources.mean())),
        _percent(target_mean(point)),
    ]


def _millions(count: int, digits: int) -> str:
    """So many digits behind the point, or more where there would be only zeros."""
    found = count / 1e6
    while digits < 6 and 0 < found < 10 ** (1 - digits):
        digits += 1
    return f"{found:.{digits}f}"
