"""What the end of a run compared: finalists by training, networks by test items."""

from typing import Any

from xlnas_jax.report.found import Found
from xlnas_jax.report.networks import ALONE, Row, network_rows
from xlnas_jax.results.few_shot.document import KEY
from xlnas_jax.results.tables import BASELINES

PICKED = "picked"


def finalist_rows(run: Found) -> list[Row]:
    """Of each finalist the first objective, before it was trained alone and after."""
    found = (run.front or {}).get("finalists")
    if not found:
        return []
    objective = run.front["objectives"][0] if run.front else ""
    known = [row for row in network_rows(run) if row["weights"] == ALONE]
    winner = found["networks"][found["winner"]]
    rows = []
    for order, (row, one) in enumerate(zip(known, found["networks"], strict=True)):
        places = ", ".join(one["places"])
        label = f"{one['kind']} {places} · {one['id'][:6]}"
        rows.append(
            {
                "key": row["key"],
                "run": run.label,
                "order": order,
                "label": f"{label}, {PICKED}" if one is winner else label,
                "kind": one["kind"],
                "places": places,
                "objective": objective,
                "before": one["before"]["objectives"][objective],
                "after": one["objectives"][objective],
                "flops": one["costs"]["flops"],
            }
        )
    return rows


def comparison_rows(run: Found) -> list[Row]:
    """Differences of target means in points, with 95 % intervals over test items."""
    document = run.front
    if document is None:
        return []
    rows = [
        _difference(run, f"best less {BASELINES.get(name, name)}", task, one)
        for name, by_task in document["comparisons"].items()
        for task, one in by_task.items()
    ]
    finalists = document.get("finalists", {}).get("comparisons", {})
    rows += [
        _difference(run, f"{place}: found less {kind}", task, one)
        for place, by_kind in finalists.items()
        for kind, by_task in by_kind.items()
        for task, one in by_task.items()
    ]
    few = document.get(KEY, {}).get("comparisons", {})
    rows += [
        _difference(run, "few-shot less zero-shot", task, one)
        for task, one in few.items()
    ]
    return [{**row, "order": order} for order, row in enumerate(rows)]


def _difference(run: Found, what: str, task: str, found: dict[str, Any]) -> Row:
    names = ("difference", "low", "high")
    points = {
        name: None if found[name] is None else round(100 * found[name], 4)
        for name in names
    }
    told = what if task == "task" else f"{what} ({task})"
    return {"run": run.label, "what": told, **points}
