"""Runs a search in a run directory: resumed, repeated, saved, scored, exported."""

import time
from pathlib import Path
from typing import Any

from xlnas_jax.calibration.settle import settle_form, settle_precision
from xlnas_jax.calibration.settle_latency import (
    make_confirm,
    measured_latency,
    settle_latency,
)
from xlnas_jax.config.config import Config
from xlnas_jax.devices.backend import require_platform, use_compilation_cache
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.devices.processes import decide
from xlnas_jax.devices.sharding import local
from xlnas_jax.experiment.inspection import check_data
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.export.point import export_point, pick_point
from xlnas_jax.results.conclude import PARTS, conclude
from xlnas_jax.results.document import Document
from xlnas_jax.results.few_shot.tune import exported_weights
from xlnas_jax.results.finalists.saved import keep_of
from xlnas_jax.results.finalists.train import FOLDER
from xlnas_jax.run.again import require_model
from xlnas_jax.run.environment import environment
from xlnas_jax.run.rounds import run_rounds
from xlnas_jax.run.shared import console, open_shared, remember, say_first
from xlnas_jax.run.state import load_state, read_data
from xlnas_jax.search.engine import Data, with_teacher
from xlnas_jax.search.teacher import whole_teacher
from xlnas_jax.storage.rundir import FRONT, Run
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.terminal.progress import Progress
from xlnas_jax.terminal.report import Reporter
from xlnas_jax.terminal.stopwatch import Stopwatch


def run_search(config: Config, directory: Path) -> tuple[Document, Path]:
    """Searches, or resumes, or reads what a finished run found; then exports.

    Where several processes search together, only the first writes and reports.

    Returns:
        The contents of `front.json`, and the path of the exported model.
    """
    begun = time.perf_counter()
    require_platform()
    use_compilation_cache()
    experiment = prepare(config)
    config = experiment.config
    # Faulty rows are found before a run directory remembers the configuration.
    is_new = decide(lambda: not (directory / FRONT).exists())
    with Reporter(console()) as report:
        given = experiment, say_first, report
        is_whole = not is_new or decide(lambda: check_data(*given))
    data = read_data(experiment) if is_new else None
    with open_shared(directory, config, is_whole) as run:
        document = run.read_front()
        if decide(lambda: document is not None):
            pick = config.export.pick
            decide(lambda: document and require_model(run, document, pick))
            return document or {}, run.model
        decide(lambda: remember(experiment, run))
        run.merge_measured({"environment": environment()})
        data = data or read_data(experiment)
        with CompileCounter() as compiles:
            document, measured = _search(experiment, data, run, compiles)
            measured["compile"] = compiles.summary()
        measured["seconds"] = round(time.perf_counter() - begun, 3)
        run.merge_measured(measured)
        run.write_front(document)
        return document, run.model


def _search(
    experiment: Experiment, data: Data, run: Run, compiles: CompileCounter
) -> tuple[Document, dict[str, Any]]:
    """What is left to measurement, then warm-up and search, then the end.

    Returns:
        The contents of `front.json`, and what `measured.json` is to hold.
    """
    experiment = settle_latency(experiment, run, say_first)
    experiment = settle_form(experiment, data[1], run, say_first)
    engine, state, restored = load_state(experiment, run, data)
    compiles.mark("start")
    first, warm_up = int(state.round), engine.num_warm_up
    last = warm_up + experiment.config.search.rounds
    with Progress("start", last + len(PARTS), first, console()) as progress:
        state = run_rounds(experiment, engine, state, run, compiles, progress, warm_up)
        engine, state, data = with_teacher(experiment, engine, state, *data)
        experiment, engine = settle_precision(
            experiment, engine, state.learner.params, data, run, progress.say
        )
        state = run_rounds(experiment, engine, state, run, compiles, progress, last)
        compiles.mark("later_rounds")
        watch = Stopwatch()
        params, teacher = local((state.learner.params, state.teacher))
        confirm = make_confirm(experiment, run, params)
        kept = run.path / FOLDER if run.is_writer else None
        if kept is not None and experiment.config.search.finalists:
            keep_of(kept, experiment.config.finalists)
        given = experiment, engine, state, progress, confirm, data, kept, watch.begin
        choice = experiment.config.export.pick
        document = conclude(*given, lambda found: pick_point(found, choice))
        watch.begin("export")
    # The others wait here for the first.
    decide(lambda: _export(experiment, params, teacher, document, run))
    compiles.mark("finish")
    measured = {"finish_seconds": watch.total(), "finish": watch.parts()}
    return document, {**measured, "resumed_from_round": restored}


def _export(
    experiment: Experiment,
    params: SharedParams,
    teacher: SharedParams | None,
    document: Document,
    run: Run,
) -> None:
    """Writes the network that `export.pick` asks for."""
    point = pick_point(document, experiment.config.export.pick)
    latency = measured_latency(experiment, run.read_measured())
    if teacher is not None:
        teacher = whole_teacher(experiment, teacher, params)
    params = exported_weights(experiment, params, document, point, run.path)
    export_point(experiment, params, document, point, run.model, latency, teacher)
