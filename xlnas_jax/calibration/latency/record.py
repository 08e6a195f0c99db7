"""What is kept of a measurement in `measured.json`, and what is read of it again."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.calibration.latency.fit import fit_table, judge_table
from xlnas_jax.calibration.latency.measure import REPEATS, measure_latency
from xlnas_jax.calibration.latency.networks import draw_networks
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.space.cost import CostModel
from xlnas_jax.space.latency import LATENCY, LatencyTable
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.types import CheckpointError, brief

Record = dict[str, Any]
# `(params, rows) -> milliseconds` of networks, on the input that costs are for.
Timer = Callable[
    [SharedParams, Int[np.ndarray, "network site"]], Float[np.ndarray, " network"]
]


def takes_part(experiment: Experiment) -> bool:
    """Whether latency is limited or minimised, or finalists are compared at it."""
    config = experiment.config
    is_limited = config.constraints.latency_ms is not None
    is_shared = config.finalists.budget_cost == LATENCY and config.search.finalists > 0
    return is_limited or is_shared or LATENCY in config.search.objectives


def measured_part(experiment: Experiment) -> TaskPart:
    """The task whose head networks are measured with: the costliest one."""
    costs = experiment.costs
    return max(
        experiment.parts,
        key=lambda part: part.head_size.flops(costs.shape.width, costs.length),
    )


def make_timer(experiment: Experiment) -> Timer:
    """Measures networks of an experiment."""
    costs, name = experiment.costs, measured_part(experiment).name

    def timer(
        params: SharedParams, rows: Int[np.ndarray, "network site"]
    ) -> Float[np.ndarray, " network"]:
        own, sizes = params.of_task(name), (costs.batch_size, costs.length)
        return measure_latency(own, costs.space, costs.shape, rows, *sizes)

    return timer


def make_record(
    costs: CostModel,
    timer: Callable[[Int[np.ndarray, "network site"]], Float[np.ndarray, " network"]],
    num: int,
    seed: int = 0,
) -> Record:
    """Measures networks, fits a table to half of them, and judges it by the others.

    Args:
        timer: gives the milliseconds of networks.
        num: how many are measured.

    Returns:
        Plain values for `measured.json`: the `networks` with their `latency_ms`, the
        `table`, how well it predicts (`mape`, `tau`, `margin`, `is_trusted`), and
        what it holds for (`device`, `batch_size`, `length`).
    """
    begun = time.perf_counter()
    space = costs.space
    rows = draw_networks(space, num, seed)
    found = timer(rows)
    half = -(-len(rows) // 2)
    table = fit_table(space, rows[:half], found[:half])
    # A space of one network has none to judge by, and none to predict.
    other = slice(half, None) if len(rows) > 1 else slice(None)
    judged = judge_table(space, table, rows[other], found[other])
    return {
        "device": jax.devices()[0].device_kind,
        "batch_size": costs.batch_size,
        "length": costs.length,
        "repeats": REPEATS,
        **judged._asdict(),
        "is_trusted": judged.is_trusted,
        "table": table_record(space, table),
        "networks": [
            {
                "id": space.identifier(row),
                "latency_ms": round(float(one), 6),
                "is_held_out": number >= half,
            }
            for number, (row, one) in enumerate(zip(rows, found, strict=True))
        ],
        "seconds": round(time.perf_counter() - begun, 3),
    }


def table_record(space: SearchSpace, table: LatencyTable) -> dict[str, list[int]]:
    """A table as plain values: of all but the layers, and of each stage by name."""
    stages = zip(space.stages, table.stages, strict=True)
    return {"fixed": list(table.fixed), **{s.name: list(own) for s, own in stages}}


def table_of(space: SearchSpace, record: Mapping[str, Any]) -> LatencyTable:
    """The table that a record holds.

    Raises:
        CheckpointError: it was measured of other stages or choices.
    """
    table = record["table"]
    sizes = {"fixed": len(space.whole_rows)}
    sizes |= {stage.name: len(space.options(stage)) for stage in space.stages}
    if {name: len(own) for name, own in table.items()} != sizes:
        raise CheckpointError(
            f"measured.json: the table of latency must hold as many numbers of each "
            f"part as the space has choices of it, {sizes}; got "
            f"{brief({name: len(own) for name, own in table.items()})}. Delete the "
            f"file in the run's directory to have it made again."
        )
    stages = tuple(tuple(table[stage.name]) for stage in space.stages)
    return LatencyTable(tuple(table["fixed"]), stages)
