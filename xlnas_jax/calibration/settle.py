"""What a configuration leaves to measurement: settled once, then kept with the run."""

from collections.abc import Callable

import jax

from xlnas_jax.calibration.autotune import autotune, pin
from xlnas_jax.calibration.precision import MIN_TAU, compare_precisions, with_precision
from xlnas_jax.devices.processes import decide
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.engine import Data, make_scoring
from xlnas_jax.search.search import Engine
from xlnas_jax.search.teacher import unheard
from xlnas_jax.storage.measured import measured
from xlnas_jax.storage.rundir import Run
from xlnas_jax.supernet.params import SharedParams

Say = Callable[[str], None]


def settle_form(
    experiment: Experiment, heldout: tuple[ScoringData, ...], run: Run, say: Say
) -> Experiment:
    """With `evaluate.form: auto`, the fastest form; a resumed run keeps its choice.

    On another kind of device it is measured anew.
    """
    if experiment.config.evaluate.form != "auto":
        return experiment

    def choose() -> dict:
        known = measured(run.read_measured(), "form")
        if known and known["device"] == jax.devices()[0].device_kind:
            return known
        found = autotune(experiment, unheard(experiment, heldout))
        run.merge_measured({"form": found})
        return found

    found = decide(choose)
    shown = ", ".join(
        f"{_name(one)} {one['candidates_per_second']:.3g}" for one in found["tried"]
    )
    say(f"scoring {_name(found)}; candidates a second, one batch: {shown}")
    return pin(experiment, found)


def _name(choice: dict) -> str:
    if choice["form"] == "sliced":
        return "sliced"
    return f"masked, {choice['chunk']} at a time"


def settle_precision(
    experiment: Experiment,
    engine: Engine,
    params: SharedParams,
    data: Data,
    run: Run,
    say: Say,
) -> tuple[Experiment, Engine]:
    """With `evaluate.precision: bf16`, falls back to fp32 where they rank otherwise."""
    if experiment.config.evaluate.precision != "bf16":
        return experiment, engine
    exact = with_precision(experiment, "fp32")
    scoring = make_scoring(exact, *data)
    found = decide(lambda: measured(run.read_measured(), "precision"))
    if found is None:
        found = compare_precisions(
            experiment, engine._replace(**scoring), engine, params
        )
        run.merge_measured({"precision": found})
    tau = "none, all score alike" if found["tau"] is None else f"{found['tau']:.4f}"
    say(
        f"Kendall's tau-b of {found['candidates']} candidates, bf16 against fp32: {tau}"
        f" (at least {MIN_TAU} is needed); scoring in {found['precision']}"
    )
    if found["accepted"]:
        return experiment, engine
    return exact, engine._replace(**scoring)
