"""Latency, settled before a search that it takes part in, and kept with the run."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from xlnas_jax.calibration.latency.fit import MAX_MAPE, MIN_TAU
from xlnas_jax.calibration.latency.record import (
    Record,
    Timer,
    make_record,
    make_timer,
    measured_part,
    table_of,
    takes_part,
)
from xlnas_jax.calibration.settle import Say
from xlnas_jax.devices.processes import decide
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.export.artifact.facts import MeasuredLatency
from xlnas_jax.space.constraints import require_feasible
from xlnas_jax.space.latency import Latency, Measure
from xlnas_jax.storage.measured import measured
from xlnas_jax.storage.rundir import Run
from xlnas_jax.supernet.params import SharedParams

# Longer than anything takes: of networks that are no valid ones, and never timed.
NEVER_MS = 1e9


def settle_latency(
    experiment: Experiment, run: Run, say: Say, timer: Timer | None = None
) -> Experiment:
    """Where latency is limited or minimised, with what predicts it.

    Networks are measured in the first run, and anew on another kind of device. Where
    the table predicts too badly, every candidate is measured; whatever is, is kept
    with the run, so that a resumed search finds the same numbers.

    Raises:
        ArchitectureError: no network is within the limits.
    """
    if not takes_part(experiment):
        return experiment
    timer = timer or make_timer(experiment)

    def choose() -> Record:
        known = measured(run.read_measured(), "latency")
        if known and known["device"] == jax.devices()[0].device_kind:
            return known
        say(f"measuring the latency of {config.cost.latency_networks} networks")
        time_rows = functools.partial(timer, init_params(experiment))
        num = config.cost.latency_networks
        found = make_record(experiment.costs, time_rows, num, config.seed)
        own = {one["id"]: one["latency_ms"] for one in found["networks"]}
        run.merge_measured({"latency": found, "latency_ms": own})
        return found

    config = experiment.config
    found = decide(choose)
    say(_judged(found))
    experiment = with_latency(experiment, found)
    if not found["is_trusted"]:
        params = functools.cache(lambda: init_params(experiment))
        measure = make_measure(experiment, run, params, timer)
        experiment = with_latency(experiment, found, measure)
    require_feasible(experiment.costs, config.constraints)
    return experiment


def measured_latency(
    experiment: Experiment, content: Mapping[str, Any]
) -> MeasuredLatency | None:
    """What model cards tell of latency, from what a run holds in `measured.json`."""
    record = measured(content, "latency")
    if record is None:
        return None
    what = f"{record['batch_size']} x {record['length']} tokens on {record['device']}"
    part = measured_part(experiment).name
    return MeasuredLatency(part, measured(content, "latency_ms") or {}, what)


def restore_latency(experiment: Experiment, content: Mapping[str, Any]) -> Experiment:
    """With the table that a run holds, for what measures nothing itself."""
    record = measured(content, "latency")
    return experiment if record is None else with_latency(experiment, record)


def with_latency(
    experiment: Experiment, record: Mapping[str, Any], measure: Measure | None = None
) -> Experiment:
    """The same experiment with the latency of a record; see `make_record`."""
    table = table_of(experiment.space, record)
    latency = Latency(table, record["margin"], measure)
    costs = experiment.costs.with_latency(latency)
    return dataclasses.replace(experiment, costs=costs)


def make_measure(
    experiment: Experiment,
    run: Run,
    params: Callable[[], SharedParams],
    timer: Timer | None = None,
) -> Measure:
    """Builds `rows -> milliseconds`; no network is timed twice in a run."""
    space = experiment.space
    timer = timer or make_timer(experiment)

    def times() -> dict[str, float]:
        return measured(run.read_measured(), "latency_ms") or {}

    known: dict[str, float] = decide(times)

    def time_new(new: dict[str, np.ndarray]) -> dict[str, float]:
        taken = timer(params(), np.stack(list(new.values())))
        found = {name: round(float(ms), 6) for name, ms in zip(new, taken, strict=True)}
        run.merge_measured({"latency_ms": {**times(), **found}})
        return found

    def measure(rows: Int[np.ndarray, "pop site"]) -> Float[np.ndarray, " pop"]:
        is_valid = space.num_kept(rows) >= space.min_layers
        rows = space.canonical(rows)
        names = [space.identifier(row) for row in rows]
        meant = zip(names, rows, is_valid, strict=True)
        new = {n: row for n, row, valid in meant if valid and n not in known}
        if new:
            known.update(decide(lambda: time_new(new)))
        return np.asarray([known.get(name, NEVER_MS) for name in names], np.float64)

    return measure


def make_confirm(
    experiment: Experiment,
    run: Run,
    params: SharedParams,
    timer: Timer | None = None,
) -> Callable[[Int[np.ndarray, "pop site"]], Bool[np.ndarray, " pop"]] | None:
    """Builds `rows -> whether they were measured to be within the limit of latency`.

    None where latency takes no part; where it is not limited all are, and measured
    all the same.
    """
    if not takes_part(experiment):
        return None
    measure = make_measure(experiment, run, lambda: params, timer)
    limit = experiment.config.constraints.latency_ms

    def confirm(rows: Int[np.ndarray, "pop site"]) -> Bool[np.ndarray, " pop"]:
        return measure(rows) <= (NEVER_MS if limit is None else limit)

    return confirm


def _judged(found: Record) -> str:
    tau = "none, all are alike" if found["tau"] is None else f"{found['tau']:.3f}"
    then = f"predictions get a margin of {100 * found['margin']:.1f} %"
    if not found["is_trusted"]:
        then = "too bad to be trusted, so every candidate is measured"
    return (
        f"latency of {found['batch_size']} x {found['length']} tokens on "
        f"{found['device']}: held-out networks are predicted with an error of "
        f"{100 * found['mape']:.1f} % (at most {100 * MAX_MAPE:.0f}) and Kendall's "
        f"tau-b {tau} (at least {MIN_TAU}); {then}"
    )
