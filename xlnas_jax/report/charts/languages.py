"""Languages by networks as a heat map, with script, family and role of each."""

from collections.abc import Sequence
from typing import Any

from xlnas_jax.report.networks import Row
from xlnas_jax.report.theme import ROLE_HUES

ROW, CELL = 19, 46
# Pixels from the cells: left of them, and right of them. On a narrow screen scores
# stand beside names, and the rest is scrolled to.
ROLE, LANGUAGE, SCRIPT, FAMILY = -172, -160, 12, 52
# Where the text of a cell turns, as shares of the range of scores.
MIDDLE, HIGH = 0.6, 0.69


def language_chart(scores: Sequence[Row], task: str) -> dict[str, Any]:
    """One task; scores that are no number leave their cell empty.

    Args:
        scores: of all runs and tasks.
    """
    own = [row for row in scores if row["task"] == task]
    known = [row["score"] for row in own if row["score"] is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    networks = len({row["order"] for row in own})
    languages = len({row["column"] for row in own})
    turns = [low + share * (high - low) for share in (HIGH, MIDDLE)]
    chosen = {"filter": {"field": "task", "equal": task}}
    y = {
        "field": "column",
        "type": "nominal",
        "sort": {"field": "place", "op": "min"},
        "axis": None,
        "scale": {"paddingInner": 0.08},
    }
    x = {"field": "order", "type": "ordinal", "title": None, "axis": None}
    # Once each, in however many networks and languages they are.
    first = _once("place", ["column", "role", "language", "script", "family"])
    top = _once("place", ["order", "network"])
    return {
        "params": [{"name": "lit", "value": ""}],
        "data": {"name": "scores"},
        "transform": [chosen],
        "width": CELL * networks,
        "height": ROW * languages,
        "padding": {"left": 5, "top": 5, "right": 5, "bottom": 5},
        "layer": [
            {
                "mark": {"type": "rect", "cornerRadius": 2},
                "encoding": {
                    "x": {**x, "scale": {"paddingInner": 0.04}},
                    "y": y,
                    "color": {
                        "field": "score",
                        "type": "quantitative",
                        "scale": {
                            "domain": [low, (low + high) / 2, high],
                            "range": ["@low", "@middle", "@high"],
                        },
                        "legend": None,
                    },
                    "stroke": {
                        "condition": {
                            "test": "lit != '' && datum.key == lit",
                            "value": "@red",
                        },
                        "value": None,
                    },
                    "strokeWidth": {"value": 2},
                },
            },
            {
                "mark": {"type": "text", "fontSize": 10.5},
                "encoding": {
                    "x": x,
                    "y": y,
                    "text": {"field": "score", "format": ".1f"},
                    "color": {
                        "condition": [
                            {"test": f"datum.score > {turn}", "value": value}
                            for turn, value in zip(
                                turns, ("@on_high", "@on_middle"), strict=True
                            )
                        ],
                        "value": "@on_low",
                    },
                },
            },
            _words(first, y, "language", LANGUAGE, "@ink", 154),
            _words(first, y, "script", SCRIPT, "@faint", 38),
            _words(first, y, "family", FAMILY, "@faint", 120),
            {
                "transform": [first],
                "mark": {"type": "bar", "width": 5, "cornerRadius": 2},
                "encoding": {
                    "x": {"value": ROLE},
                    "x2": {"value": ROLE + 5},
                    "y": y,
                    "color": _role_hue(own),
                },
            },
            {
                "transform": [top],
                "mark": {
                    "type": "text",
                    "angle": -35,
                    "align": "left",
                    "baseline": "middle",
                    "dy": -6,
                    "limit": 150,
                },
                "encoding": {
                    "x": x,
                    "y": {"value": -6},
                    "text": {"field": "network"},
                },
            },
        ],
        "resolve": {"scale": {"color": "independent"}},
    }


def _once(least: str, of: list[str]) -> dict[str, Any]:
    found = [{"op": "min", "field": least, "as": least}]
    return {"aggregate": found, "groupby": of}


def _words(
    first: dict[str, Any],
    y: dict[str, Any],
    field: str,
    at: int,
    color: str,
    limit: int,
) -> dict[str, Any]:
    """A column of text beside the cells."""
    from_left, more = (at, 0) if at < 0 else ("width", at)
    mark = {"type": "text", "align": "left", "color": color, "limit": limit, "dx": more}
    x = {"value": from_left}
    return {
        "transform": [first],
        "mark": mark,
        "encoding": {"x": x, "y": y, "text": {"field": field}},
    }


def _role_hue(rows: Sequence[Row]) -> dict[str, Any]:
    roles = list(dict.fromkeys(row["role"] for row in rows))
    return {
        "field": "role",
        "type": "nominal",
        "scale": {
            "domain": roles,
            "range": [ROLE_HUES.get(role, "@faint") for role in roles],
        },
        "legend": {"orient": "none", "legendX": ROLE - 4, "legendY": -82, "columns": 1},
    }
