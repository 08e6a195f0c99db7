"""What all tables share: where results lie, and how values are written."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.tasks.summary import Comparison, over_seeds

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
NOT_MEASURED = "not measured"
THOUSAND = 1000.0
SMALL = 0.001


def load(name: str, folder: Path = RESULTS) -> dict[str, Any]:
    """A recorded result."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def table(rows: Sequence[Sequence[str]], text_columns: int = 1) -> list[str]:
    """Lines of a table whose first row is its heading; numbers to the right."""
    width = len(rows[0])
    rule = ["---"] * text_columns + ["---:"] * (width - text_columns)
    every = [list(rows[0]), rule, *map(list, rows[1:])]
    return ["| " + " | ".join(row) + " |" for row in every]


def machine(found: dict[str, Any]) -> str:
    """Hardware, versions and commit, in a line."""
    versions = found["packages"]
    cpu = f"{found['cpu_cores']} CPU cores ({found['machine']})"
    devices = [name for name in found.get("devices", []) if name != "cpu"]
    hardware = f"{found['num_devices']} x {', '.join(devices)}" if devices else cpu
    return (
        f"{hardware}, Python {found['python']}, jax {versions['jax']}, "
        f"commit {found['commit']}"
    )


def number(value: float | None) -> str:
    """Three digits; without an exponent where it can be read without."""
    if value is None:
        return NOT_MEASURED
    size = abs(value)
    if value == int(value) and size < THOUSAND:
        return str(int(value))
    if 0 < size < SMALL:
        return f"{value:.1e}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def median(found: dict[str, Any] | None) -> str:
    """Median of repeats, with the extremes."""
    if not found or found.get("median") is None:
        return NOT_MEASURED
    low, high = number(found["min"]), number(found["max"])
    return f"{number(found['median'])} ({low}–{high})"


def percent(value: float | None) -> str:
    """A share, in percent."""
    return NOT_MEASURED if value is None else f"{100 * value:.1f} %"


def share(found: dict[str, Any] | None) -> str:
    """A share in percent, with its extremes."""
    if not found:
        return NOT_MEASURED
    low, high = (f"{100 * found[end]:.0f}" for end in ("min", "max"))
    return f"{100 * found['median']:.0f} % ({low}–{high})"


def interval(found: Sequence[dict[str, float]]) -> tuple[float, float]:
    """Of the mean difference in points, over test items and seeds."""
    # Of each seed only these two count.
    rest = dict.fromkeys(("low", "high", "p_value"), math.nan)
    names = "difference", "error"
    pooled = over_seeds(
        [Comparison(**{name: one[name] for name in names}, **rest) for one in found]
    )
    return 100 * pooled.low, 100 * pooled.high


def between(ends: tuple[float, float]) -> str:
    """An interval in points."""
    return "{:+.1f} to {:+.1f}".format(*ends)


def mean_points(found: Sequence[dict[str, float]]) -> float:
    """Mean of the differences of several seeds."""
    return 100 * float(np.mean([one["difference"] for one in found]))
