"""The loop of rounds: each is run, logged, saved, in that order."""

import math
from typing import Any

import jax
import numpy as np

from xlnas_jax.config.train import TrainConfig
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.devices.processes import agree, fingerprint, is_several
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.run.watch import Watch
from xlnas_jax.search.search import Engine, RoundMetrics, SearchState, step
from xlnas_jax.storage.logs import RoundLog
from xlnas_jax.storage.rundir import Run
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.terminal.progress import Progress
from xlnas_jax.types import DivergedError


def run_rounds(
    experiment: Experiment,
    engine: Engine,
    state: SearchState,
    run: Run,
    compiles: CompileCounter,
    progress: Progress,
    last: int,
) -> SearchState:
    """Repeats the round up to `last`, and logs and saves what it gives.

    A state is saved after its round was logged: a search that is killed in between
    goes on from the state before, and logs that round again.
    """
    config = experiment.config
    first = int(state.round)
    first_search = max(first, engine.num_warm_up)
    log = run.log(config.checkpoint)
    log.begin(first)
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
                _log(experiment, log, progress, watch, *pending)
            pending = (number, _shown(state), metrics)
            if number in (first, first_search):
                jax.block_until_ready(metrics)
                progress.phase(kind)
            if number + 1 == last or (number + 1) % config.checkpoint.every == 0:
                _log(experiment, log, progress, watch, *pending)
                pending = None
                saved.save(number + 1, state)
            if number == first_search:
                compiles.mark("first_round")
    return state


def _shown(state: SearchState) -> dict[str, Any]:
    """What the log says of a state; its weights are donated to the next round."""
    return {
        "evaluated": state.evaluated,
        "rejected": state.rejected,
        "archive": state.archive,
    }


def _log(
    experiment: Experiment,
    log: RoundLog,
    progress: Progress,
    watch: Watch,
    number: int,
    shown: dict[str, Any],
    metrics: RoundMetrics,
) -> None:
    """One line of the log, and the bar; no state is saved without it.

    Raises:
        DivergedError: the weights, or the loss they were trained by, are not finite.
    """
    _require_finite(experiment.config.train, number, float(metrics.loss))
    name = experiment.objectives[0].name
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
            "front": watch.front(archive),
            **{k: float(v) for k, v in metrics.summary.items() if np.ndim(v) == 0},
        }
        for remark in watch.remarks(int(line["outside_reference"]), line["failed"]):
            progress.say(f"round {number}: {remark}")
    log.append(line)
    best_name = f"best_{name}"
    shown_values = {"train_loss": line["loss"], best_name: line.get(best_name)}
    progress.update(number + 1, **shown_values)


def _require_finite(train: TrainConfig, number: int, loss: float) -> None:
    if math.isfinite(loss):
        return
    raise DivergedError(
        f"train: the weights must stay finite; in round {number} they did not, or the "
        f"loss did not (learning_rate {train.learning_rate}, head_learning_rate "
        f"{train.head_learning_rate}). The rounds before are saved, and would come to "
        f"the same again: use a lower learning rate, or train.clip_norm, and another "
        f"run directory."
    )
