"""Charts as SVG and PNG, and the library of the page, from the one wheel that has both.

`vl-convert-python` draws Vega-Lite without a browser and without the network, and
carries the JavaScript that a page needs to draw the same. Charts are plain JSON, so
nothing else is needed to build them.
"""

import copy
import functools
import re
from typing import Any

from xlnas_jax.report.figures import Figure
from xlnas_jax.report.theme import CONFIG, LIGHT, painted
from xlnas_jax.types import ConfigError

VEGA_LITE = "6.4"
PICTURE_WIDTH, PIXELS_PER_POINT = 560, 2
_NO_URLS: list[str] = []
# What the page may call.
_FACE = "window.vegaEmbed = vegaEmbed;"


def require_drawing() -> None:
    """Before anything is read: that the library is there.

    Raises:
        ConfigError: it is not.
    """
    try:
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "report: vl-convert-python must be installed, which draws the plots; it "
            "is not. Run: pip install 'xlnas-jax[report]'"
        ) from error


@functools.cache
def library() -> str:
    """Vega, Vega-Lite and what puts them on a page, as one script without imports."""
    import vl_convert

    found = vl_convert.javascript_bundle(_FACE, VEGA_LITE)
    # Nothing that a page would read as the end of the script.
    return re.sub(r"<(?=/script|!--)", r"\\x3c", found, flags=re.IGNORECASE)


def svg_of(figure: Figure, data: dict[str, Any]) -> str:
    """The picture of a figure, in light colours."""
    import vl_convert

    chart = copy.deepcopy(figure.chart)
    if "facet" not in chart:
        chart.setdefault("width", PICTURE_WIDTH)
    chart = painted(chart, LIGHT)
    chart["datasets"] = {name: data[name] for name in sorted(figure.data)}
    chart["title"] = {"text": figure.title, "anchor": "start", "fontWeight": 600}
    return vl_convert.vegalite_to_svg(
        chart,
        vl_version=VEGA_LITE,
        config=painted(CONFIG, LIGHT),
        allowed_base_urls=_NO_URLS,
    )


def png_of(svg: str) -> bytes:
    """The same picture in points."""
    import vl_convert

    return vl_convert.svg_to_png(svg, scale=PIXELS_PER_POINT)
