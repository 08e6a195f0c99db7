"""The layers of one network, a panel for each knob; whatever knobs there are."""

from typing import Any

from xlnas_jax.report.networks import Row

ROW, WIDE = 15, 118


def architecture_chart(row: Row) -> dict[str, Any]:
    """A chart whose signal `shown` is the key of the network.

    A bar is a choice as a share of the largest; a layer that is skipped has none.

    Args:
        row: the network that is shown first.
    """
    return {
        "params": [{"name": "shown", "value": row["key"]}],
        "data": {"name": "networks"},
        "transform": [
            {"filter": "datum.key == shown"},
            {"flatten": ["knobs"], "as": ["knob"]},
            {"calculate": "datum.knob.name", "as": "name"},
            {"calculate": "datum.knob.most", "as": "most"},
            {"calculate": "datum.knob.values", "as": "chosen"},
            {"calculate": "sequence(1, length(datum.kept) + 1)", "as": "numbers"},
            {
                "flatten": ["chosen", "kept", "numbers"],
                "as": ["choice", "is_kept", "layer"],
            },
            {
                "calculate": "datum.most > 0 ? datum.choice / datum.most : 0",
                "as": "share",
            },
            {
                "calculate": "datum.is_kept ? '' + datum.choice : 'absent'",
                "as": "told",
            },
        ],
        "facet": {
            "field": "name",
            "type": "nominal",
            "sort": [knob["name"] for knob in row["knobs"]],
            "header": {"labelAnchor": "start", "labelFontWeight": 600},
        },
        "columns": 2,
        "spacing": 14,
        "spec": {
            "width": WIDE,
            "height": {"step": ROW},
            "layer": [
                {
                    "transform": [{"filter": "datum.is_kept"}],
                    "mark": {"type": "bar", "color": "@track", "height": ROW - 4},
                    "encoding": {"y": _LAYER, "x": {"datum": 1, **_SHARE}},
                },
                {
                    "transform": [{"filter": "datum.is_kept"}],
                    "mark": {
                        "type": "bar",
                        "height": ROW - 4,
                        "color": "@sky",
                        "opacity": 0.6,
                    },
                    "encoding": {"y": _LAYER, "x": {"field": "share", **_SHARE}},
                },
                {
                    "transform": [{"filter": "!datum.is_kept"}],
                    "mark": {
                        "type": "bar",
                        "filled": False,
                        "height": ROW - 4,
                        "stroke": "@line",
                        "strokeDash": [3, 3],
                    },
                    "encoding": {"y": _LAYER, "x": {"datum": 1, **_SHARE}},
                },
                {
                    "mark": {"type": "text", "align": "left", "fontSize": 10},
                    "encoding": {
                        "y": _LAYER,
                        "x": {"value": 5},
                        "text": {"field": "told"},
                        "color": {
                            "condition": {"test": "datum.is_kept", "value": "@ink"},
                            "value": "@faint",
                        },
                    },
                },
            ],
        },
    }


_LAYER: dict[str, Any] = {
    "field": "layer",
    "type": "ordinal",
    "sort": "descending",
    "title": None,
    "axis": {"ticks": False},
}
_SHARE: dict[str, Any] = {
    "type": "quantitative",
    "scale": {"domain": [0, 1]},
    "axis": None,
}
