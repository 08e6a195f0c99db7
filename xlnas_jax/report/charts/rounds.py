"""What rounds logged: a curve a group of seeds, and what became of candidates."""

from typing import Any

from xlnas_jax.report.theme import AXIS

HEIGHT = 170


def curve_chart(series: str, runs: int) -> dict[str, Any]:
    """A chart whose signal `series` says what is drawn.

    A line is the mean of runs that differ by seed alone, with all of them within its
    band; the colour is that of the group.
    """
    x = {
        "field": "round",
        "type": "quantitative",
        "title": "round",
        "axis": {"format": "d", "tickMinStep": 1, "grid": False},
        "scale": {"nice": False},
    }
    y = {
        "type": "quantitative",
        "title": None,
        "scale": {"zero": False, "padding": 6},
        "axis": {**AXIS, "tickCount": 5},
    }
    color: dict[str, Any] = {"value": "@blue"}
    if runs > 1:
        color = {"field": "runs", "type": "nominal"}
    return {
        "params": [{"name": "series", "value": series}],
        "data": {"name": "curves"},
        "transform": [
            {"filter": "datum.series == series"},
            {
                "aggregate": [
                    {"op": "mean", "field": "value", "as": "mean"},
                    {"op": "min", "field": "value", "as": "least"},
                    {"op": "max", "field": "value", "as": "most"},
                ],
                "groupby": ["runs", "round"],
            },
        ],
        "height": HEIGHT,
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.2},
                "encoding": {
                    "x": x,
                    "y": {"field": "least", **y},
                    "y2": {"field": "most"},
                    "color": color,
                },
            },
            {
                "mark": {"type": "line", "strokeWidth": 1.8, "point": {"size": 18}},
                "encoding": {"x": x, "y": {"field": "mean", **y}, "color": color},
            },
        ],
    }


def candidate_chart(runs: int) -> dict[str, Any]:
    """Candidates of every round by what became of them; a panel for each run."""
    whats = (
        "scored",
        "rejected unscored",
        "without a finite score",
        "ruled out once scored",
    )
    inner = {
        "height": HEIGHT if runs == 1 else 70,
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "round",
                "type": "ordinal",
                "title": "round",
                "axis": {"labelOverlap": True, "labelAngle": 0, "ticks": False},
            },
            "y": {
                "field": "count",
                "type": "quantitative",
                "title": "candidates",
                "axis": {"tickMinStep": 1, "tickCount": 4},
            },
            "order": {"field": "order"},
            "color": {
                "field": "what",
                "type": "nominal",
                "scale": {
                    "domain": list(whats),
                    "range": ["@blue", "@amber", "@red", "@violet"],
                },
            },
        },
    }
    found = {"data": {"name": "candidates"}, "transform": [{"filter": "datum.count"}]}
    if runs == 1:
        return {**found, **inner}
    row = {"field": "run", "type": "nominal", "header": {"labelAngle": 0}}
    return {**found, "facet": {"row": row}, "spec": {**inner, "width": 360}}
