"""Data and state of a run, new or restored."""

from xlnas_jax.config.reading.file import to_mapping
from xlnas_jax.devices.processes import (
    agree,
    fingerprint,
    is_several,
    restore_everywhere,
)
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.engine import Data, make_engine
from xlnas_jax.search.search import Engine, SearchState
from xlnas_jax.storage.rundir import Run
from xlnas_jax.storage.steps import Checkpoints


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
