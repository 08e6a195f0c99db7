"""A damaged run directory is refused in one paragraph, and nothing outside changes."""

import contextlib
import os
import shutil
import warnings
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments import tiny_config
from tests.fuzz import damage
from tests.fuzz.contract import Tally, generated, snapshot
from xlnas_jax.config.config import Config
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.recorded import recall, record, require_same
from xlnas_jax.storage.rundir import Run, look_at, open_run, read_config, read_run
from xlnas_jax.storage.steps import Checkpoints, read_part

STATE = {"learner": {"weights": np.arange(6, dtype=np.float32)}, "round": np.int32(4)}
PART = {"weights": np.zeros(6, np.float32)}
FRONT = {"format": 1, "objectives": ["error"], "points": [{"id": "a"}]}


@pytest.fixture(scope="module")
def config() -> Config:
    return tiny_config()


@pytest.fixture(scope="module")
def experiment(config: Config) -> Experiment:
    return prepare(config)


@pytest.fixture(scope="module")
def sound(tmp_path_factory, config: Config, experiment: Experiment) -> Path:
    """A finished run, with a state that is none of a search."""
    folder = tmp_path_factory.mktemp("sound")
    with open_run(folder / "run", config) as run:
        for number in range(3):
            run.metrics.append({"round": number, "loss": 1.5})
        run.merge_measured({"seconds": 3.0})
        record(experiment, run.experiment)
        with Checkpoints(run.checkpoints, keep=2) as saved:
            for step in (3, 4):
                saved.save(step, STATE)
        run.write_front(FRONT)
    (folder / "outside").mkdir()
    return folder / "run"


def read_all(directory: Path) -> tuple[Any, ...]:
    """What an export reads of a run."""
    config = read_config(directory)
    with read_run(directory) as run:
        front, measured = run.read_front(), run.read_measured()
        recalled = recall(config, run.experiment)
        weights = read_part(run.checkpoints, 4, "learner/", PART)["weights"]
    labels = recalled.parts[0].task.labels
    return front, measured, labels, recalled.shape, weights.tolist()


def go_on(directory: Path, config: Config, experiment: Experiment) -> Any:
    """What a search does with a run before its first round."""
    look_at(directory, config)
    with open_run(directory, config) as run:
        require_same(experiment, run.experiment)
        run.metrics.truncate(2)
        with Checkpoints(run.checkpoints, keep=2) as saved:
            found = saved.restore(STATE)
        return found and found[1]["learner"]["weights"].tolist()


def damaged_copy(sound: Path, kind: damage.Damage, random: Random) -> Path:
    copy, outside = sound.with_name("copy"), sound.with_name("outside")
    for folder in (copy, outside):
        shutil.rmtree(folder, ignore_errors=True)
    outside.mkdir()
    shutil.copytree(sound, copy)
    # Nothing is said of what cannot be damaged so: a file without bytes, for one.
    with contextlib.suppress(ValueError, IndexError, KeyError, TypeError):
        kind(copy, outside, random)
    return copy


KINDS = [kind for kind in damage.KINDS if kind is not damage.claim_arrays]
DAMAGED = {"kind": st.sampled_from(KINDS), "random": st.randoms(use_true_random=False)}


@generated(quick=50, long=500)
@given(**DAMAGED)
def test_a_damaged_run_is_read_as_it_was_or_refused(
    sound: Path, tally: Tally, kind: damage.Damage, random: Random
) -> None:
    copy = damaged_copy(sound, kind, random)
    before = snapshot(sound.parent)

    found = tally.holds(lambda: read_all(copy))

    assert snapshot(sound.parent) == before, "reading changes nothing at all"
    if found is not None:
        front, _, labels, shape, weights = read_all(sound)
        assert found[2:] == (labels, shape, weights)
        assert isinstance(found[0], dict | None) and isinstance(found[1], dict)
        assert front == FRONT


@generated(quick=30, long=300)
@given(**DAMAGED)
def test_a_damaged_run_goes_on_from_a_sound_state_or_not_at_all(
    sound: Path,
    config: Config,
    experiment: Experiment,
    tally: Tally,
    kind: damage.Damage,
    random: Random,
) -> None:
    copy = damaged_copy(sound, kind, random)
    outside = sound.with_name("outside")
    before = snapshot(outside), sorted(os.listdir(copy.parent))

    with warnings.catch_warnings(action="ignore"):
        found = tally.holds(lambda: go_on(copy, config, experiment))

    assert (snapshot(outside), sorted(os.listdir(copy.parent))) == before
    if found is not None:
        assert found == STATE["learner"]["weights"].tolist()
        lines = Run(copy).metrics.path
        rounds = lines.read_text().count("\n") if lines.exists() else 0
        assert rounds <= 2
