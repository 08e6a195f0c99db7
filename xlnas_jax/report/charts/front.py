"""Networks by any two of what they may be compared by, with the limits as lines."""

from collections.abc import Sequence
from typing import Any

from xlnas_jax.report.networks import ALONE, FRONT, SCORES, SHARED, Row
from xlnas_jax.report.theme import AXIS, HUES, SHAPES

Spec = dict[str, Any]


def front_chart(
    networks: Sequence[Row],
    axes: tuple[str, str],
    weights: str = SHARED,
) -> Spec:
    """A chart whose signals `x_axis`, `y_axis` and `weights` say what is shown.

    Bars are 95 % intervals over test items. The stairs are the bound of what is better
    in both, among the front's points; there are none where more of an axis is better.
    """
    runs = list(dict.fromkeys(row["run"] for row in networks))
    kinds = list(dict.fromkeys(row["kind"] for row in networks))
    kinds = [FRONT, *(kind for kind in kinds if kind != FRONT)]
    there = {(row["weights"], row["kind"]) for row in networks}
    shown = {
        one: [kind for kind in kinds if (one, kind) in there] for one in (SHARED, ALONE)
    }
    scores = " || ".join(f"{axis} == '{n}'" for axis in _AXES for n in SCORES)
    return {
        "params": [
            {"name": "x_axis", "value": axes[0]},
            {"name": "y_axis", "value": axes[1]},
            {"name": "weights", "value": weights},
            {"name": "lit", "value": ""},
            {"name": "shared_kinds", "value": shown[SHARED]},
            {"name": "alone_kinds", "value": shown[ALONE]},
        ],
        "data": {"name": "networks"},
        "height": 340,
        "layer": [
            _limit("x", "x_axis"),
            _limit("y", "y_axis"),
            {
                "transform": [
                    *_PLACED,
                    {"filter": f"datum.kind == '{FRONT}' && !({scores})"},
                    {
                        "window": [{"op": "min", "field": "y", "as": "bound"}],
                        "sort": [{"field": "x"}, {"field": "y"}],
                        "groupby": ["run"],
                        "frame": [None, 0],
                    },
                ],
                "mark": {"type": "line", "interpolate": "step-after", "opacity": 0.55},
                "encoding": {
                    "x": _axis("x"),
                    "y": _axis("bound"),
                    "color": _hue(runs, kinds),
                    "detail": {"field": "run"},
                },
            },
            _bars("x", runs, kinds),
            _bars("y", runs, kinds),
            {
                "transform": [
                    *_PLACED,
                    {
                        "calculate": f"datum.kind != '{FRONT}' || datum.called != ''",
                        "as": "is_above",
                    },
                ],
                "name": "points",
                "mark": {"type": "point", "filled": True, "strokeWidth": 1.4},
                "encoding": {
                    "x": _axis("x"),
                    "y": _axis("y"),
                    "order": {"field": "is_above"},
                    "shape": {
                        "field": "kind",
                        "type": "nominal",
                        "scale": {"domain": kinds, "range": _cycled(SHAPES, kinds)},
                        "legend": _SHOWN,
                    },
                    "color": _hue(runs, kinds),
                    "size": {
                        "condition": [
                            {"test": "datum.key == lit", "value": 220},
                            {"test": "datum.called != ''", "value": 130},
                        ],
                        "value": 55,
                    },
                    "opacity": {
                        "condition": {
                            "test": "lit == '' || datum.key == lit",
                            "value": 0.9,
                        },
                        "value": 0.35,
                    },
                    "stroke": {
                        "condition": {
                            "test": "datum.key == lit || datum.called != ''",
                            "value": "@ink",
                        },
                        "value": None,
                    },
                    "tooltip": [
                        {"field": name} for name in ("run", "name", "id", "told")
                    ],
                },
            },
            *([] if len(runs) > 1 else [_CALLED]),
            # No title of an axis follows a signal; a text does.
            _named("y_axis", x=0, y=-12, align="left"),
            _named("x_axis", x="width", y="height + 32", align="right"),
        ],
    }


_AXES = ("x_axis", "y_axis")
_SHOWN: Spec = {
    "values": {"expr": f"weights == '{SHARED}' ? shared_kinds : alone_kinds"}
}
_PLACED: list[Spec] = [
    {"filter": "datum.weights == weights"},
    {"calculate": "datum.values[x_axis]", "as": "x"},
    {"calculate": "datum.values[y_axis]", "as": "y"},
    {"filter": "isValid(datum.x) && isValid(datum.y)"},
]


def _bars(place: str, runs: list[str], kinds: list[str]) -> Spec:
    """The 95 % intervals over test items of what is on an axis, where known."""
    reach = f"1.96 * datum.errors[{place}_axis]"
    other = "y" if place == "x" else "x"
    return {
        "transform": [
            *_PLACED,
            {"filter": f"isValid(datum.errors[{place}_axis])"},
            {"calculate": f"datum.{place} - {reach}", "as": "low"},
            {"calculate": f"datum.{place} + {reach}", "as": "high"},
        ],
        "mark": {"type": "rule", "opacity": 0.5},
        "encoding": {
            place: _axis("low"),
            f"{place}2": {"field": "high"},
            other: _axis(other),
            "color": _hue(runs, kinds),
        },
    }


def _axis(field: str) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": None,
        "scale": {"zero": False, "nice": True, "padding": 14},
        "axis": {**AXIS, "tickCount": {"expr": "width < 360 ? 4 : 6"}},
    }


# Of several runs the names would lie upon each other.
_CALLED: Spec = {
    "transform": [*_PLACED, {"filter": "datum.called != ''"}],
    "mark": {"type": "text", "align": "left", "dx": 9, "dy": -8},
    "encoding": {
        "x": _axis("x"),
        "y": _axis("y"),
        "text": {"field": "called"},
    },
}


def _named(axis: str, x: int | str, y: int | str, align: str) -> Spec:
    where = {"x": {"expr": str(x)}, "y": {"expr": str(y)}, "text": {"expr": axis}}
    mark = {"type": "text", "align": align, "color": "@faint", **where}
    return {"data": {"values": [{}]}, "mark": mark}


def _limit(place: str, axis: str) -> Spec:
    """A line where what is on this axis is limited."""
    at = {"x": {"y": {"value": 8}}, "y": {"x": {"value": 6}}}[place]
    label = {"align": "left", "dx": 4} if place == "x" else {"align": "left", "dy": -6}
    limit = {"field": "limit", "type": "quantitative"}
    return {
        "data": {"name": "limits"},
        "transform": [{"filter": f"datum.of == {axis}"}],
        "layer": [
            {
                "mark": {"type": "rule", "strokeDash": [5, 4], "color": "@red"},
                "encoding": {place: limit},
            },
            {
                "mark": {"type": "text", "color": "@red", **label},
                "encoding": {place: limit, **at, "text": {"value": "limit"}},
            },
        ],
    }


def _hue(runs: list[str], kinds: list[str]) -> Spec:
    """By run where there are several, else by kind; both have a legend of their own."""
    by, names = ("run", runs) if len(runs) > 1 else ("kind", kinds)
    return {
        "field": by,
        "type": "nominal",
        "scale": {"domain": names, "range": _cycled(HUES, names)},
        "legend": _SHOWN if by == "kind" else {},
    }


def _cycled(values: Sequence[str], names: Sequence[str]) -> list[str]:
    return [values[n % len(values)] for n in range(len(names))]


def weights_of(networks: Sequence[Row]) -> list[str]:
    """Which weights there are networks of, in order."""
    there = {row["weights"] for row in networks}
    return [one for one in (SHARED, ALONE) if one in there]
