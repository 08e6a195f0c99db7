"""A finished run exported again, from what is kept with it."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp

from xlnas_jax.calibration.settle_latency import measured_latency, restore_latency
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.export import Dtype
from xlnas_jax.experiment.parts import Experiment, learns_from_teacher
from xlnas_jax.experiment.weights import abstract_weights
from xlnas_jax.export.artifact.contents import require_whole
from xlnas_jax.export.point import export_point, pick_point
from xlnas_jax.results.document import Document
from xlnas_jax.results.few_shot.tune import exported_weights
from xlnas_jax.run.recorded import recall
from xlnas_jax.run.shared import say_first
from xlnas_jax.search.learn import num_warm_up
from xlnas_jax.search.teacher import new_teacher, whole_teacher
from xlnas_jax.storage.rundir import Run, read_config, read_run
from xlnas_jax.storage.steps import read_part
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import CheckpointError

# What names of weights begin with in a saved state.
WEIGHTS, TEACHER = "learner/params/", "teacher/"


def export_run(
    directory: Path,
    pick: str,
    out: Path,
    forms: tuple[str, ...] = (),
    report: Report = unheard,
    dtype: Dtype | None = None,
) -> Path:
    """Exports a point of a finished run, which is read and left as it is.

    Neither its data nor its source model need be there any more.

    Args:
        forms: that are written too, see `export.forms`.
        report: is told how far fine-tuning and forms are.
        dtype: of the weights as they are written; that of the run if None.

    Raises:
        CheckpointError: the run is not finished, or the weights of its last round are
            gone.
    """
    with read_run(directory) as run:
        document = require_finished(run)
        return export_recorded(run, document, pick, out, forms, report, dtype)


def require_finished(run: Run) -> Document:
    """What a run found.

    Raises:
        CheckpointError: it is not finished.
    """
    document = run.read_front()
    if document is None:
        raise CheckpointError(
            f"{run.path}: the search must be finished before what it found can be had. "
            f"Run `xlnas search` on the same directory to go on."
        )
    return document


def export_recorded(
    run: Run,
    document: Document,
    pick: str,
    out: Path,
    forms: tuple[str, ...] = (),
    report: Report = unheard,
    dtype: Dtype | None = None,
) -> Path:
    """Exports a point of a run from what is kept with it."""
    # One device is enough to slice a network, whatever the search ran on.
    config = dataclasses.replace(read_config(run.path), devices=DevicesConfig(pop=1))
    point, measured = pick_point(document, pick), run.read_measured()
    experiment = restore_latency(recall(config, run.experiment), measured)
    # After all else: a limit on bytes was one of those that the search counted.
    experiment = experiment.with_dtype(dtype or config.export.dtype)
    last = num_warm_up(config) + config.search.rounds
    template = abstract_weights(experiment)
    params = read_part(run.checkpoints, last, WEIGHTS, template)
    params = jax.tree.map(jnp.asarray, params)
    latency = measured_latency(experiment, measured)
    teacher = _teacher(experiment, run, params)
    params = exported_weights(experiment, params, document, point, run.path)
    given = experiment, params, document, point, out, latency, teacher
    return export_point(*given, forms=forms, report=report)


def _teacher(
    experiment: Experiment, run: Run, params: SharedParams
) -> SharedParams | None:
    """The teacher of the run, where what is exported still learns from it."""
    config = experiment.config
    if not config.export.finetune_steps or not learns_from_teacher(config):
        return None
    own = jax.eval_shape(lambda: new_teacher(experiment, params))
    last = num_warm_up(config) + config.search.rounds
    found = read_part(run.checkpoints, last, TEACHER, own)
    return whole_teacher(experiment, jax.tree.map(jnp.asarray, found), params)


def require_model(run: Run, document: Document, pick: str) -> None:
    """Exports the model of a finished run again where it is not whole."""
    try:
        require_whole(run.model)
    except CheckpointError as error:
        say_first(f"The model is exported again, since what is there is none: {error}")
        export_recorded(run, document, pick, run.model)
