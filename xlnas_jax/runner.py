"""Runs a search in a run directory: resume, checkpoint, log, finish, export."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from rich.console import Console

from xlnas_jax.backend import require_platform, use_compilation_cache
from xlnas_jax.checkpoint import Checkpoints, read_part
from xlnas_jax.compiles import CompileCounter
from xlnas_jax.config import Config, DevicesConfig
from xlnas_jax.config_file import to_mapping
from xlnas_jax.document import Document
from xlnas_jax.engine import make_engine, num_warm_up
from xlnas_jax.experiment import (
    Experiment,
    ScoringData,
    heldout_data,
    prepare,
    training_rows,
)
from xlnas_jax.export.contents import require_whole
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
from xlnas_jax.recorded import recall, record, require_same
from xlnas_jax.results import PARTS, conclude
from xlnas_jax.rounds import run_rounds
from xlnas_jax.rundir import FRONT, Run, open_run, read_config, read_run
from xlnas_jax.search import Engine, SearchState
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
from xlnas_jax.weights import abstract_weights

# What names of the weights begin with in a saved state.
WEIGHTS = "learner/params/"
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
        document, artifact = run.read_front(), run.model
        is_scored = decide(lambda: document is not None)
        if is_scored:
            pick = config.export.pick
            decide(lambda: document and _require_model(run, document, pick))
            return document or {}, artifact
        decide(lambda: _remember(experiment, run))
        with CompileCounter() as compiles:
            data = data or read_data(experiment)
            experiment = settle_latency(experiment, run, _say)
            experiment = settle_form(experiment, data[1], run, _say)
            engine, state, restored = load_state(experiment, run, data)
            compiles.mark("start")
            warm_up, first = engine.num_warm_up, int(state.round)
            last = warm_up + config.search.rounds
            with Progress("start", last + len(PARTS), first, _console()) as progress:
                state = run_rounds(
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
                state = run_rounds(
                    experiment, engine, state, run, compiles, progress, last
                )
                compiles.mark("later_rounds")
                started = time.perf_counter()
                params = local(state.learner.params)
                confirm = make_confirm(experiment, run, params)
                document = conclude(experiment, engine, state, progress, confirm)

            def export() -> None:
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
        run.write_front(document)
        return document, artifact


def export_run(directory: Path, pick: str, out: Path) -> Path:
    """Exports a point of a finished run, which is read and left as it is.

    Neither its data nor its source model need be there any more.

    Raises:
        CheckpointError: the run is not finished, or the weights of its last round are
            gone.
    """
    with read_run(directory) as run:
        document = run.read_front()
        if document is None:
            raise CheckpointError(
                f"{directory}: the search must be finished before a point of it is "
                f"exported. Run `xlnas search` on the same directory to go on."
            )
        return _export_recorded(run, document, pick, out)


def _export_recorded(run: Run, document: Document, pick: str, out: Path) -> Path:
    """Exports a point of a run from what is kept with it."""
    # One device is enough to slice a network, whatever the search ran on.
    config = dataclasses.replace(read_config(run.path), devices=DevicesConfig(pop=1))
    point, measured = pick_point(document, pick), run.read_measured()
    experiment = restore_latency(recall(config, run.experiment), measured)
    last = num_warm_up(config) + config.search.rounds
    template = abstract_weights(experiment)
    params = read_part(run.checkpoints, last, WEIGHTS, template)
    params = jax.tree.map(jnp.asarray, params)
    latency = measured_latency(experiment, measured)
    return export_point(experiment, params, document, point, out, latency)


def _require_model(run: Run, document: Document, pick: str) -> None:
    """Exports the model of a finished run again where it is not whole."""
    try:
        require_whole(run.model)
    except CheckpointError as error:
        _say(f"The model is exported again, since what is there is none: {error}")
        _export_recorded(run, document, pick, run.model)


def _remember(experiment: Experiment, run: Run) -> None:
    """Keeps what a run is made of; one that goes on must be made of the same."""
    if run.experiment.is_dir():
        require_same(experiment, run.experiment)
        return
    try:
        record(experiment, run.experiment)
    except OSError as error:
        raise CheckpointError(
            f"{run.experiment}: cannot be written: {error.strerror or error}. Mend "
            f"this and run the same command again."
        ) from error


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
