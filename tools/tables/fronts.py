"""Tables of searches whose finalists were trained: fronts against fronts."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from tables.benchmarks import section
from tables.markdown import (
    NOT_MEASURED,
    RESULTS,
    between,
    interval,
    load,
    machine,
    mean_points,
    table,
)
from xlnas_jax.results.finalists.contenders import told
from xlnas_jax.results.finalists.document import at_place, steps_of

Runs = list[dict[str, Any]]
NAMES = {
    "found": "**found**",
    "uniform": "uniform scaling",
    "bottom": "bottom layers",
    "random": "random search",
    "more_params": "most parameters",
    "magnitude": "magnitude",
    "taylor": "Taylor",
    "influence": "layer influence",
}


def front_block(name: str, folder: Path = RESULTS) -> str:
    """Mean and worst target language at every budget; the full network first."""
    command = (
        f"python -m benchmarks.evidence.record_search configs/{name}.yaml "
        f"--seeds 0 1 2 --out benchmarks/results/{name}.json"
    )
    if not (folder / f"{name}.json").exists():
        return f"{NOT_MEASURED.capitalize()}: `{command}`.\n\n"
    document = load(name, folder)
    command, runs = document["command"], document["runs"]
    trained = {n["kind"] for run in runs for n in run["finalists"]["networks"]}
    kinds = [kind for kind in NAMES if kind in trained]
    rows = [[_shared_out(runs), "full network", *(NAMES[kind] for kind in kinds)]]
    full = shown([scores_of(run["networks"]["full"]) for run in runs])
    rows.append(["all", full, *[""] * len(kinds)])
    for place in places_of(runs):
        cells = [
            shown([scores_of(n) for run in runs if (n := at(run, kind, place))])
            for kind in kinds
        ]
        rows.append([place, "", *cells])
    seeds = ", ".join(str(run["seed"]) for run in runs)
    minutes = np.mean([run["measured"]["seconds"] / 60 for run in runs])
    words = (
        f"Mean over {_num_targets(runs)} target languages, and the worst of them, in "
        f"percent"
        + ("" if len(runs) == 1 else ", with the deviation between seeds")
        + f"; seed{'s' * (len(runs) > 1)} {seeds}. Every network was trained alone for "
        f"{steps_of(runs[0]['finalists'])} steps." + _timed(runs)
    )
    made = machine(document["environment"])
    where = f"`{command}`, {minutes:.0f} minutes a seed; {made}."
    return "\n".join([words, "", *table(rows), "", where, "", ""])


def _shared_out(runs: Runs) -> str:
    """What budgets are shares of; runs from before there was a choice do not say."""
    cost = runs[0]["finalists"].get("budget_cost", "flops")
    return {"flops": "layers' FLOPs", "latency_ms": "latency"}[cost]


def _timed(runs: Runs) -> str:
    """How long what stands at shares of the latency took, as it was measured."""
    if _shared_out(runs) != "latency":
        return ""
    found = []
    for run in runs:
        taken = run["measured"]["latency_ms"]
        full = taken[run["networks"]["full"]["id"]]
        for one in run["finalists"]["networks"]:
            for place in one["places"]:
                if place[0].isdigit():
                    found.append(taken[one["id"]] / full / float(Fraction(place)))
    return (
        f" Networks were timed again at the end: they take {min(found):.2f} to "
        f"{max(found):.2f} of the share at which they stand."
    )


# Controls that lose ten points and more at every budget but the largest.
FAR = ("magnitude", "influence")


def detail_block(name: str, folder: Path = RESULTS) -> str:
    """Whether what was found is better than each control, and what training adds."""
    if not (folder / f"{name}.json").exists():
        return front_block(name, folder)
    document = load(name, folder)
    runs = document["runs"]
    rows = [["at", "than", "points", "95 %", "seeds", "aux before", "after"]]
    for place in places_of(runs):
        for kind in NAMES:
            if kind in FAR:
                continue
            found = [
                run["finalists"]["comparisons"].get(place, {}).get(kind) for run in runs
            ]
            every = [next(iter(one.values())) for one in found if one]
            if every:
                rows.append(
                    [
                        place,
                        NAMES[kind],
                        f"{mean_points(every):+.1f}",
                        between(interval(every)),
                        str(len(every)),
                        _objective(
                            runs, kind, place, lambda n: n["before"]["objectives"]
                        ),
                        _objective(runs, kind, place, lambda n: n["objectives"]),
                    ]
                )
    by = runs[0]["objectives"][0]
    verdict = (
        f"*Is what the search found better than its controls, once all are trained?* "
        f"Found less each control, in points of the target mean, with intervals over "
        f"test items and seeds; {by} on auxiliary languages before and after "
        f"training, of the control. Share of the box that each front covers: "
        f"{_volumes(runs)}. Picked: {_picked(runs)}. Pruners that are far below, "
        f"{' and '.join(NAMES[kind] for kind in FAR)}, are in the README's table."
    )
    made = (
        f"`{document['command']}`: [every language](results/{name}.json); "
        f"{machine(document['environment'])}."
    )
    return section(verdict, rows, made)


def places_of(runs: Runs) -> list[str]:
    """Budgets as they are written."""
    return list(map(told, runs[0]["finalists"]["budgets"]))


def at(run: dict[str, Any], kind: str, place: str) -> dict[str, Any] | None:
    """The finalist of a kind that stands for a budget; None where there is none."""
    return at_place(run["finalists"]["networks"], kind, place)


def scores_of(network: dict[str, Any]) -> tuple[float, float]:
    """Means over tasks of the target mean and the worst target."""
    tasks = network["summary"]["tasks"].values()
    return (
        100 * float(np.mean([task["target_mean"] for task in tasks])),
        100 * float(np.mean([task["worst_language"]["score"] for task in tasks])),
    )


def shown(scores: Sequence[tuple[float, float]]) -> str:
    """Mean over seeds, with their deviation, and the mean of the worst."""
    if not scores:
        return "-"
    mean, worst = np.mean(scores, axis=0)
    spread = ""
    if len(scores) > 1:
        spread = f" ± {np.std([one for one, _ in scores], ddof=1):.1f}"
    return f"{mean:.1f}{spread} ({worst:.1f})"


def _objective(
    runs: Runs,
    kind: str,
    place: str,
    read: Callable[[dict[str, Any]], dict[str, float]],
) -> str:
    name = runs[0]["objectives"][0]
    values = [read(n)[name] for run in runs if (n := at(run, kind, place))]
    return f"{np.mean(values):.3f}"


def _volumes(runs: Runs) -> str:
    found = []
    for kind, shown in NAMES.items():
        every = [run["finalists"]["fronts"].get(kind) for run in runs]
        values = [one["hypervolume"] for one in every if one]
        if values:
            found.append(f"{shown} {np.mean(values):.3f}")
    return ", ".join(found)


def _picked(runs: Runs) -> str:
    names = []
    for run in runs:
        found = run["finalists"]
        winner = found["networks"][found["winner"]]
        mean, _ = scores_of(winner)
        millions = winner["costs"]["encoder_params"] / 1e6
        names.append(f"{millions:.2f} M encoder parameters, {mean:.1f}")
    return "; ".join(names)


def _num_targets(runs: Runs) -> int:
    return sum(len(task["roles"]["target"]) for task in runs[0]["tasks"].values())
