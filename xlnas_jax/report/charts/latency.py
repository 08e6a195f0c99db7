"""Predicted latency against measured, with the line on which they are equal."""

from collections.abc import Sequence
from typing import Any

from xlnas_jax.report.networks import Row


def latency_chart(rows: Sequence[Row], run: str) -> dict[str, Any]:
    """Networks of one run; above the line the table promises too much time."""
    own = [row for row in rows if row["run"] == run]
    most = max(max(row["measured_ms"], row["predicted_ms"]) for row in own) * 1.05
    parts = ["fitted to", "judged by", "on the front"]

    def axis(name: str) -> dict[str, Any]:
        return {
            "field": f"{name}_ms",
            "type": "quantitative",
            "title": f"{name}, ms",
            "scale": {"domain": [0, most]},
        }

    ends = [{"measured_ms": 0, "predicted_ms": 0}]
    ends.append({"measured_ms": most, "predicted_ms": most})
    return {
        "data": {"name": "latency"},
        "transform": [{"filter": {"field": "run", "equal": run}}],
        "height": 300,
        "layer": [
            {
                "data": {"values": ends},
                "mark": {"type": "line", "color": "@faint", "strokeDash": [4, 4]},
                "encoding": {"x": axis("measured"), "y": axis("predicted")},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 0.85},
                "encoding": {
                    "x": axis("measured"),
                    "y": axis("predicted"),
                    "color": {
                        "field": "part",
                        "type": "nominal",
                        "scale": {
                            "domain": parts,
                            "range": ["@faint", "@blue", "@red"],
                        },
                    },
                    "shape": {
                        "field": "part",
                        "type": "nominal",
                        "scale": {
                            "domain": parts,
                            "range": ["circle", "square", "diamond"],
                        },
                    },
                },
            },
        ],
    }
