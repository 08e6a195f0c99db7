"""The networks of a run: what they are called, what they cost, what they are made of.

A network is known by its architecture alone: the first knob says which layers are
kept, a knob with a number for every layer is drawn layer by layer, any other one is
told in words. No knob is known by name.
"""

import math
from collections.abc import Iterator
from typing import Any

from xlnas_jax.experiment.taxonomy import PICKS
from xlnas_jax.export.point import pick_point
from xlnas_jax.report.found import Found
from xlnas_jax.results.document import Document
from xlnas_jax.results.finalists.contenders import FOUND
from xlnas_jax.results.tables import BASELINES
from xlnas_jax.space.constraints import limits
from xlnas_jax.space.latency import LATENCY

FRONT = "front"
# As the supernet's weights score them, and after they were trained alone.
SHARED, ALONE = "in the supernet", "trained alone"
TARGETS, WORST = "target mean", "worst target"
# Of values, those of which more is better: test scores, which choose nothing.
SCORES = (TARGETS, WORST)
Row = dict[str, Any]


def network_rows(run: Found) -> list[Row]:
    """Baselines, the front, then what was trained alone.

    What a network is picked as after training it is called before, too. Of a run that
    goes on it is the front of the last round, by its objectives alone.
    """
    document = run.front
    if document is None:
        return _so_far(run)
    picks = _picks(document)
    rows = [
        _row(run, position, *one, picks) for position, one in enumerate(_all(document))
    ]
    _scale(rows)
    named = {row["id"]: ", ".join(row["picks"]) for row in rows if row["picks"]}
    for row in rows:
        is_front = row["kind"] == FRONT
        row["called"] = named.get(row["id"], "") if is_front else ""
    return rows


def _so_far(run: Found) -> list[Row]:
    """The front as it was logged, which says nothing of what its networks are."""
    names = run.config.search.objectives
    return [
        {
            "key": f"{run.label}#{position}",
            "run": run.label,
            "id": "",
            "weights": SHARED,
            "kind": FRONT,
            "name": f"point {position + 1}",
            "picks": [],
            "values": dict(zip(names, point, strict=True)),
            "errors": {},
            **{"kept": [], "knobs": [], "whole": [], "called": ""},
            "told": "its layers are told when the search is over",
        }
        for position, point in enumerate(run.logged_front)
    ]


def _all(document: Document) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Of each network its weights, its kind and its name."""
    for name, point in document["baselines"].items():
        told = BASELINES.get(str(name), str(name))
        yield SHARED, told, told, point
    for point in document["points"]:
        yield SHARED, FRONT, "", point
    for one in document.get("finalists", {}).get("networks", ()):
        is_found = one["kind"] == FOUND
        kind = FRONT if is_found else one["kind"]
        places = ", ".join(one["places"])
        yield ALONE, kind, places if is_found else f"{one['kind']} {places}", one


def _picks(document: Document) -> dict[int, list[str]]:
    """What `xlnas export --pick` calls networks, by their place in memory."""
    found: dict[int, list[str]] = {}
    for name in PICKS:
        found.setdefault(id(pick_point(document, name)), []).append(name)
    return found


def _row(
    run: Found,
    position: int,
    weights: str,
    kind: str,
    name: str,
    point: dict[str, Any],
    picks: dict[int, list[str]],
) -> Row:
    own = picks.get(id(point), [])
    return {
        "key": f"{run.label}#{position}",
        "run": run.label,
        "id": point["id"],
        "weights": weights,
        "kind": kind,
        "name": ", ".join(own) if own else name or point["id"],
        "picks": own,
        "values": values_of(run, point, weights),
        "errors": errors_of(point),
        **_drawn(point["architecture"]),
    }


def values_of(run: Found, point: dict[str, Any], weights: str) -> dict[str, Any]:
    """Costs, objectives, and what of tests can be told in one number, in percent."""
    found = {**point["costs"], **point["objectives"]}
    timed = run.measured.get("latency_ms", {}).get(point["id"])
    if timed is not None:
        found[f"{LATENCY} measured"] = timed
    if "summary" in point:
        tasks = point["summary"]["tasks"].values()
        worst = [task["worst_language"]["score"] for task in tasks]
        found[TARGETS] = _percent(point["summary"]["target_mean"])
        found[WORST] = _percent(None if None in worst else min(worst))
    return {name: value for name, value in found.items() if value is not None}


def errors_of(point: dict[str, Any]) -> dict[str, float]:
    """Standard errors over test items, of what has some, in percent.

    Runs from before they were computed have none.
    """
    error = _percent(point.get("summary", {}).get("target_error"))
    return {} if error is None else {TARGETS: error}


def _percent(rate: float | None) -> float | None:
    return None if rate is None or math.isnan(rate) else round(100 * rate, 4)


def _drawn(architecture: dict[str, list[Any]]) -> dict[str, Any]:
    """Layers that are kept, knobs with a number a layer, and what else there is."""
    (_, gate), *knobs = architecture.items()
    of_layers = [
        {"name": name, "values": values}
        for name, values in knobs
        if len(values) == len(gate)
        and all(isinstance(value, int | float) for value in values)
    ]
    names = {knob["name"] for knob in of_layers}
    whole = [
        [name, ", ".join(map(str, values))]
        for name, values in knobs
        if name not in names
    ]
    layers = [n for n, is_kept in enumerate(gate) if is_kept]
    own = [
        f"{knob['name']} " + " ".join(str(knob["values"][n]) for n in layers)
        for knob in of_layers
    ]
    kept = f"layers {', '.join(_spans(layers)) or 'none'} of {len(gate)}"
    return {
        "kept": [int(bool(value)) for value in gate],
        "knobs": of_layers,
        "whole": whole,
        "told": "; ".join([kept, *own, *(" ".join(one) for one in whole)]),
    }


def _spans(numbers: list[int]) -> list[str]:
    """Numbers from 1 on, those in a row as one span."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return [
        f"{one[0] + 1}" if len(one) == 1 else f"{one[0] + 1}–{one[-1] + 1}"
        for one in spans
    ]


def _scale(rows: list[Row]) -> None:
    """Adds to every knob its largest value in any network of the run."""
    most: dict[str, float] = {}
    for row in rows:
        for knob in row["knobs"]:
            most[knob["name"]] = max(most.get(knob["name"], 0), *knob["values"])
    for row in rows:
        for knob in row["knobs"]:
            knob["most"] = most[knob["name"]]


def axes_of(run: Found) -> list[str]:
    """What networks may be compared by: objectives first, then costs, then tests."""
    rows = network_rows(run)
    if not rows:
        return []
    own = dict.fromkeys(run.config.search.objectives)
    for row in rows:
        own |= dict.fromkeys(row["values"])
    return [name for name in own if name not in SCORES] + [
        name for name in SCORES if name in own
    ]


def limit_rows(run: Found) -> list[Row]:
    """Hard limits, by the name of what they limit."""
    return [
        {"run": run.label, "of": name, "limit": limit}
        for name, limit in limits(run.config.constraints).items()
    ]
