"""What the end compared: finalists before and after training, and differences."""

from collections.abc import Sequence
from typing import Any

from xlnas_jax.report.networks import Row
from xlnas_jax.report.theme import AXIS, HUES

ROW = 19


def finalist_chart(rows: Sequence[Row], run: str) -> dict[str, Any]:
    """Of each finalist of a run a ring before training, a point after, and a line."""
    own = [row for row in rows if row["run"] == run]
    kinds = list(dict.fromkeys(row["kind"] for row in own))
    y = {
        "field": "label",
        "type": "nominal",
        "sort": {"field": "order"},
        "title": None,
        "axis": {"labelLimit": 230, "labelColor": "@ink", "ticks": False},
    }
    color = {
        "field": "kind",
        "type": "nominal",
        "scale": {
            "domain": kinds,
            "range": [HUES[n % len(HUES)] for n in range(len(kinds))],
        },
    }
    title = f"{own[0]['objective']} on auxiliary languages" if own else None
    x = {
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False},
        "axis": {**AXIS, "orient": "top", "tickCount": 6},
    }
    return {
        "params": [{"name": "lit", "value": ""}],
        "data": {"name": "finalists"},
        "transform": [{"filter": {"field": "run", "equal": run}}],
        "height": ROW * len(own),
        "encoding": {"y": y, "color": color},
        "layer": [
            {
                "mark": {"type": "rule", "opacity": 0.6},
                "encoding": {"x": {"field": "before", **x}, "x2": {"field": "after"}},
            },
            {
                "mark": {"type": "point", "size": 45, "fill": "@paper"},
                "encoding": {"x": {"field": "before", **x}},
            },
            {
                "mark": {"type": "point", "filled": True, "opacity": 1},
                "encoding": {
                    "x": {"field": "after", **x},
                    "size": {
                        "condition": {"test": "datum.key == lit", "value": 190},
                        "value": 70,
                    },
                },
            },
        ],
    }


def comparison_chart(rows: Sequence[Row], run: str) -> dict[str, Any]:
    """Differences of a run with their intervals; none is where 0 lies within."""
    several = sum(row["run"] == run for row in rows)
    y = {
        "field": "what",
        "type": "nominal",
        "sort": {"field": "order"},
        "title": None,
        "axis": {"labelLimit": 230, "labelColor": "@ink", "ticks": False},
    }
    axis = {**AXIS, "grid": True, "tickCount": 6}
    x = {"type": "quantitative", "title": "points of the target mean", "axis": axis}
    color = {
        "condition": [
            {"test": "datum.low > 0", "value": "@blue"},
            {"test": "datum.high < 0", "value": "@red"},
        ],
        "value": "@faint",
    }
    return {
        "data": {"name": "comparisons"},
        "transform": [{"filter": {"field": "run", "equal": run}}],
        "height": ROW * several,
        "layer": [
            {
                "mark": {"type": "rule", "color": "@faint", "strokeDash": [3, 3]},
                "encoding": {"x": {"datum": 0}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {
                    "x": {"field": "low", **x},
                    "x2": {"field": "high"},
                    "y": y,
                    "color": color,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {"x": {"field": "difference", **x}, "y": y, "color": color},
            },
        ],
    }


def seed_chart(rows: Sequence[Row], of: str) -> dict[str, Any]:
    """Means of seeds with one deviation to either side; signal `of` says of what."""
    networks = dict.fromkeys(row["network"] for row in rows)
    groups = {row["group"] for row in rows}
    y = {
        "field": "network",
        "type": "nominal",
        "sort": list(networks),
        "title": None,
        "axis": {"labelLimit": 230, "labelColor": "@ink", "ticks": False},
    }
    x = {
        "type": "quantitative",
        "title": None,
        "scale": {"zero": False},
        "axis": {**AXIS, "tickCount": 8},
    }
    shared = {
        "y": y,
        "yOffset": {"field": "runs"},
        "color": {"field": "runs", "type": "nominal"},
    }
    return {
        "params": [{"name": "of", "value": of}],
        "data": {"name": "seeds"},
        "transform": [{"filter": "datum.of == of"}],
        "height": ROW * len(networks) * len(groups),
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {
                    **shared,
                    "x": {"field": "low", **x},
                    "x2": {"field": "high"},
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {**shared, "x": {"field": "mean", **x}},
            },
        ],
    }
