"""Runs a search in a run directory: resume, checkpoint, log, finish, export."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.console import Console

from xlnas_jax.backend import require_platform, use_compilation_cache
from xlnas_jax.checkpoint import Checkpoints
from xlnas_jax.compiles import CompileCounter
from xlnas_jax.config import Config, DevicesConfig
from xlnas_jax.config_file import to_mapping
from xlnas_jax.engine import make_engine
from xlnas_jax.experiment import (
    Experiment,
    ScoringData,
    heldout_data,
    prepare,
    training_rows,
)
from xlnas_jax.export.point import export_point, pick_point
from xlnas_jax.inspection import check_data
from xlnas_jax.logger import Progress
from xlnas_jax.processes import (
    agree,
    decide,
    fingerprint,
    is_first,
    is_several,
    restore_everywhere,
)
from xlnas_jax.results import PARTS, conclude
from xlnas_jax.rundir import FRONT, Run, open_run, read_config
from xlnas_jax.search import Engine, RoundMetrics, SearchState, step
from xlnas_jax.settle import settle_form, settle_precision
from xlnas_jax.settle_latency import (
    make_confirm,
    measured_latency,
    restore_latency,
    settle_latency,
)
from xlnas_jax.sharding import local
from xlnas_jax.terminal import make_console, say
from xlnas_jax.types import Batch, CheckpointError
from xlnas_jax.watch import Watch

Data = tuple[tuple[tuple[Batch, ...], ...], tuple[ScoringData, ...]]


def run_search(config: Config, directory: Path) -> tuple[dict[str, Any], Path]:
    """Searches, or resumes, or reads what a finished run found; then exports.

    Where several processes search together, only the first writes and reports.

    Returns:
        The contents of `front.json`, and the path of the exported model.
    """
    begun = time.perf_counter()
    require_platform()
    use_compilation_cache()
    experiment = prepare(config)
    # Faulty rows are found before a run directory remembers the configuration.
    is_new = decide(lambda: not (directory / FRONT).exists())
    is_whole = not is_new or decide(lambda: check_data(experiment, _say))
    data = read_data(experiment) if is_new else None
    with _open_shared(directory, config, is_whole) as run:
        document, artifact = run.read_front(), run.path / "model"
        is_scored, is_exported = decide(
            lambda: (document is not None, artifact.is_dir())
        )
        if is_scored and is_exported:
            return document or {}, artifact
        with CompileCounter() as compiles:
            data = data or read_data(experiment)
            experiment = settle_latency(experiment, run, _say)
            experiment = settle_form(experiment, data[1], run, _say)
            engine, state, restored = load_state(experiment, run, data)
            compiles.mark("start")
            warm_up, first = engine.num_warm_up, int(state.round)
            last = warm_up + config.search.rounds
            with Progress("start", last + len(PARTS), first, _console()) as progress:
                state = _rounds(
                    experiment, engine, state, run, compiles, progress, warm_up
                )
                experiment, engine = settle_precision(
                    experiment,
                    engine,
                    state.learner.params,
                    data[1],
                    run,
                    progress.say,
                )
                state = _rounds(
                    experiment, engine, state, run, compiles, progress, last
                )
                compiles.mark("later_rounds")
                started = time.perf_counter()
                params = local(state.learner.params)
                confirm = make_confirm(experiment, run, params)
                if not is_scored:
                    document = conclude(experiment, engine, state, progress, confirm)

            def export() -> None:
                assert document is not None
                point = pick_point(document, config.export.pick)
                latency = measured_latency(experiment, run.read_measured())
                export_point(experiment, params, document, point, artifact, latency)

            # The others wait here for the first.
            decide(export)
            compiles.mark("finish")
        run.merge_measured(
            {
                "compile": compiles.summary(),
                "seconds": round(time.perf_counter() - begun, 3),
                "finish_seconds": round(time.perf_counter() - started, 3),
                "resumed_from_round": restored,
            }
        )
        run.write_front(document or {})
        return document or {}, artifact


def export_run(directory: Path, pick: str, out: Path) -> Path:
    """Exports a point of a finished run.

    Raises:
        CheckpointError: the run is not finished.
    """
    # One device is enough to slice a network, whatever the search ran on.
    config = dataclasses.replace(read_config(directory), devices=DevicesConfig(pop=1))
    experiment = prepare(config)
    with open_run(directory, config) as run:
        document = run.read_front()
        if document is None:
            raise CheckpointError(
                f"{directory}: the search must be finished before a point of it is "
                f"exported. Run `xlnas search` on the same directory to go on."
            )
        point = pick_point(document, pick)
        measured = run.read_measured()
        experiment = restore_latency(experiment, measured)
        _, state, _ = load_state(experiment, run)
    params, latency = state.learner.params, measured_latency(experiment, measured)
    return export_point(experiment, params, document, point, out, latency)


@contextlib.contextmanager
def _open_shared(
    directory: Path, config: Config, is_whole: bool = True
) -> Iterator[Run]:
    """The run, open in the first process; the others follow it."""
    with contextlib.ExitStack() as stack:
        opened: list[Run] = []
        entered = open_run(directory, config, is_whole)
        decide(lambda: opened.append(stack.enter_context(entered)))
        yield opened[0] if opened else Run(directory, is_writer=False)


def _console() -> Console | None:
    """Where progress is shown: in other processes than the first, nowhere."""
    return None if is_first() else make_console(quiet=True)


def _say(text: str) -> None:
    """A line on stderr, of the first process."""
    if is_first():
        say(make_console(stderr=True), text)


def read_data(experiment: Experiment) -> Data:
    """Training rows and auxiliary dev splits of every task, on the device."""
    return training_rows(experiment), heldout_data(experiment)


def load_state(
    experiment: Experiment, run: Run, data: Data | None = None
) -> tuple[Engine, SearchState, int | None]:
    """The engine, the newest saved state (or a new one), and its round if saved."""
    data = data or read_data(experiment)
    engine, state = make_engine(experiment, *data)
    if is_several():
        heldout = [(one.batches, one.source, one.pairs) for one in data[1]]
        arrays = data[0], heldout, state.learner.params
        facts = to_mapping(experiment.config), fingerprint(arrays)
        agree("configuration, data and weights", facts)
    keep = experiment.config.checkpoint.keep
    with Checkpoints(run.checkpoints, keep, run.is_writer) as saved:
        found = restore_everywhere(saved.restore, state)
    if found is None:
        return engine, state, None
    return engine, found[1], found[0]


def _rounds(
    experiment: Experiment,
    engine: Engine,
    state: SearchState,
    run: Run,
    compiles: CompileCounter,
    progress: Progress,
    last: int,
) -> SearchState:
    """Repeats the round up to `last`, saving its state and logging the one before."""
    config = experiment.config
    first = int(state.round)
    first_search = max(first, engine.num_warm_up)
    run.metrics.truncate(first)
    name = experiment.objectives[0].name
    watch = Watch(experiment.box, experiment.costs, state.archive)
    pending: tuple[int, dict[str, Any], RoundMetrics] | None = None
    keep = config.checkpoint.keep
    with Checkpoints(run.checkpoints, keep, run.is_writer) as saved:
        for number in range(first, last):
            kind = "search" if number >= engine.num_warm_up else "warm-up"
            if number in (first, first_search):
                progress.phase(f"{kind}, compiling")
            state, metrics = step(engine, state)
            # The device works on this round while the last one is written down.
            if pending is not None:
                _log(run, progress, watch, name, *pending)
            pending = (number, _shown(state), metrics)
            if number in (first, first_search):
                jax.block_until_ready(metrics)
                progress.phase(kind)
            if number + 1 == last or (number + 1) % config.checkpoint.every == 0:
                saved.save(number + 1, state)
            if number == first_search:
                compiles.mark("first_round")
        if pending is not None:
            _log(run, progress, watch, name, *pending)
    return state


def _shown(state: SearchState) -> dict[str, Any]:
    """What the log says of a state; its weights are donated to the next round."""
    return {
        "evaluated": state.evaluated,
        "rejected": state.rejected,
        "archive": state.archive,
    }


def _log(
    run: Run,
    progress: Progress,
    watch: Watch,
    name: str,
    number: int,
    shown: dict[str, Any],
    metrics: RoundMetrics,
) -> None:
    """One line of `metrics.jsonl`, and the bar."""
    line: dict[str, Any] = {"round": number, "loss": float(metrics.loss)}
    if metrics.told is not None:
        told, archive = metrics.told, shown["archive"]
        if is_several():
            # Where one had drawn others, all that follows would be nonsense.
            agree(f"candidates of round {number}", fingerprint(told.indices))
        is_valid = np.asarray(told.is_valid)
        values = np.asarray(told.objectives)[is_valid, 0]
        best = np.asarray(archive.objectives)[np.asarray(archive.is_valid), 0]
        line |= {
            "evaluated": int(shown["evaluated"]),
            "rejected_before_evaluation": int(shown["rejected"]),
            "failed": int(metrics.failed),
            "ruled_out": metrics.ruled_out,
            f"population_{name}": float(values.mean()) if len(values) else None,
            f"best_{name}": float(best.min()) if len(best) else None,
            **watch.read(archive),
            **{k: float(v) for k, v in metrics.summary.items() if np.ndim(v) == 0},
        }
        for remark in watch.remarks(int(line["outside_reference"]), line["failed"]):
            progress.say(f"round {number}: {remark}")
    run.metrics.append(line)
    best_name = f"best_{name}"
    shown_values = {"train_loss": line["loss"], best_name: line.get(best_name)}
    progress.update(number + 1, **shown_values)
