"""Colours and type of page and pictures, for light and for dark.

A chart names a colour as `@ink`; it is put in when the chart is drawn, so that one
chart serves both. Hues are those that colour-blind readers tell apart, and whatever a
hue says is said by a shape, a place or a word too.

References:
    Okabe & Ito, "Color universal design", 2008. https://jfly.uni-koeln.de/color/
"""

from collections.abc import Mapping
from typing import Any

Palette = Mapping[str, str]
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
LIGHT: Palette = {
    "paper": "#ffffff",
    "ground": "#f6f7f9",
    "ink": "#1a1f26",
    "faint": "#5c6672",
    "line": "#dde1e6",
    "track": "#eceff2",
    "blue": "#0067a8",
    "red": "#c44f00",
    "green": "#007d5e",
    "violet": "#a3497f",
    "amber": "#b07800",
    "sky": "#3a93c4",
    "low": "#eef4fa",
    "middle": "#6aaed6",
    "high": "#08457e",
    "on_low": "#1a1f26",
    "on_middle": "#1a1f26",
    "on_high": "#ffffff",
}
DARK: Palette = {
    "paper": "#171b21",
    "ground": "#0f1216",
    "ink": "#e8ebef",
    "faint": "#9aa5b1",
    "line": "#323944",
    "track": "#262c35",
    "blue": "#5ab4ee",
    "red": "#ff9152",
    "green": "#3fcf9f",
    "violet": "#e08fc0",
    "amber": "#f0b840",
    "sky": "#93d3f7",
    "low": "#1e2833",
    "middle": "#2c5f86",
    "high": "#a5d8ff",
    "on_low": "#e8ebef",
    "on_middle": "#0f1216",
    "on_high": "#0f1216",
}
HUES = ("@blue", "@red", "@green", "@violet", "@amber", "@sky", "@ink", "@faint")
SHAPES = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "triangle-right",
    "triangle-left",
)
ROLE_HUES = {
    "source": "@amber",
    "trained on": "@violet",
    "auxiliary": "@green",
    "target": "@blue",
}
# Large numbers short, small ones with the digits that tell them apart.
AXIS = {
    "labelExpr": "abs(datum.value) >= 1000 ? format(datum.value, '~s') : "
    "format(datum.value, '~g')"
}
CONFIG: dict[str, Any] = {
    "background": "@paper",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "gridColor": "@line",
        "gridOpacity": 0.7,
        "labelColor": "@faint",
        "labelFontSize": 11,
        "tickColor": "@line",
        "titleColor": "@faint",
        "titleFontSize": 11,
        "titleFontWeight": 500,
    },
    "legend": {
        "labelColor": "@ink",
        "labelFontSize": 11,
        "labelLimit": 260,
        "columns": 2,
        "orient": "bottom",
        "symbolSize": 80,
        "title": None,
    },
    "header": {"labelColor": "@faint", "labelFontSize": 11, "title": None},
    "text": {"color": "@ink", "fontSize": 11},
    "title": {"anchor": "start", "color": "@ink", "fontSize": 14, "offset": 10},
    "range": {"category": list(HUES)},
}


# What holds names of runs and networks, which are what they are.
UNPAINTED = ("domain", "equal", "params", "sort", "title")


def painted(value: Any, palette: Palette) -> Any:
    """The same chart with its colours put in."""
    if isinstance(value, Mapping):
        return {
            name: one
            if name in UNPAINTED and isinstance(one, str | list)
            else painted(one, palette)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [painted(one, palette) for one in value]
    if isinstance(value, str) and value.startswith("@"):
        return palette[value[1:]]
    return value
