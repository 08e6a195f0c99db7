"""A finished search that had a teacher, as it was when its last round was over."""

from pathlib import Path
from typing import NamedTuple

from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.state import read_data
from xlnas_jax.search.engine import make_engine, with_teacher
from xlnas_jax.search.search import Engine, SearchState
from xlnas_jax.search.teacher import Rows, whole_teacher
from xlnas_jax.storage.rundir import read_config
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.supernet.params import SharedParams


class Restored(NamedTuple):
    """What experiments on a finished search start from.

    Attributes:
        rows, heldout: training rows and auxiliary data, with what the teacher says.
        teacher: the full network as the warm-up left it.
    """

    experiment: Experiment
    engine: Engine
    state: SearchState
    rows: Rows
    heldout: tuple[ScoringData, ...]
    teacher: SharedParams


def restore(run: Path) -> Restored:
    """Reads a run directory, and leaves it as it is."""
    experiment = prepare(read_config(run))
    data = read_data(experiment)
    engine, state = make_engine(experiment, *data)
    with Checkpoints(run / "checkpoints", 1, False) as saved:
        found = saved.restore(state)
    if found is None or found[1].teacher is None:
        raise SystemExit(f"{run}: there is no teacher; the search must have had one.")
    engine, state, data = with_teacher(experiment, engine, found[1], *data)
    assert state.teacher is not None
    teacher = whole_teacher(experiment, state.teacher, state.learner.params)
    return Restored(experiment, engine, state, *data, teacher)
