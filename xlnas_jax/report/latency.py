"""Latency as the table predicts it, beside what a clock measured."""

from typing import Any

import numpy as np

from xlnas_jax.calibration.latency.networks import draw_networks
from xlnas_jax.calibration.latency.record import table_of
from xlnas_jax.report.found import Found
from xlnas_jax.report.networks import Row
from xlnas_jax.space.latency import NS_PER_MS
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.storage.measured import measured
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.registry import shape_from
from xlnas_jax.types import ArchitectureError


def latency_rows(run: Found) -> list[Row]:
    """Every network that was timed and that is known, with its predicted latency.

    Those are the networks that the table was fitted to and judged by, which are drawn
    again from the seed, and those of the front.
    """
    record = measured(run.measured, "latency")
    timed = measured(run.measured, "latency_ms") or {}
    if record is None or "shape" not in run.facts:
        return []
    space = make_space(run.config.space, shape_from(run.facts["shape"]))
    table = table_of(space, record)
    held_out = {one["id"]: one["is_held_out"] for one in record.get("networks", ())}
    rows = _rows(run, space)
    if not len(rows):
        return []
    predicted = table(space, rows) / NS_PER_MS
    found = {}
    for row, ms in zip(rows, predicted, strict=True):
        name = space.identifier(row)
        if name in timed and name not in found:
            found[name] = {
                "run": run.label,
                "id": name,
                "measured_ms": timed[name],
                "predicted_ms": round(float(ms), 6),
                "part": _part(held_out.get(name)),
            }
    return list(found.values())


def _part(is_held_out: bool | None) -> str:
    if is_held_out is None:
        return "on the front"
    return "judged by" if is_held_out else "fitted to"


def _rows(run: Found, space: SearchSpace) -> np.ndarray:
    """Choice indices of the networks whose architecture is known."""
    drawn = draw_networks(space, run.config.cost.latency_networks, run.config.seed)
    points: list[Any] = [] if run.front is None else run.front["points"]
    try:
        front = [space.from_values(point["architecture"]) for point in points]
    except ArchitectureError:  # of a run whose encoder was another version's
        front = []
    return np.concatenate([drawn, *(row[None] for row in front)])


def latency_facts(run: Found) -> list[list[str]]:
    """How well the table predicts, and what it holds for."""
    record = measured(run.measured, "latency")
    if record is None:
        return []
    tau = "all alike" if record["tau"] is None else f"{record['tau']:.3f}"
    return [
        ["device", record["device"]],
        ["input", f"{record['batch_size']} x {record['length']} tokens"],
        ["mean error of held-out networks", f"{100 * record['mape']:.1f} %"],
        ["Kendall's tau-b of these", tau],
        ["margin on predictions", f"{100 * record['margin']:.1f} %"],
        ["what the search went by", "the table" if record["is_trusted"] else "a clock"],
    ]
