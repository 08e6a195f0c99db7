"""A round is logged, then saved; one whose training diverged is neither."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.search.test_search import start
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.run.rounds import run_rounds
from xlnas_jax.storage.metrics import MetricsFile
from xlnas_jax.storage.rundir import Run, open_run
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.terminal.progress import Progress
from xlnas_jax.types import DivergedError

TRAIN = TrainConfig(batch_size=16, pretune_steps=1, reorder=False)
UNKNOWN = 3


def diverging(learner, number: int):
    """A loss that is no number in the third round."""
    return learner, jnp.asarray(np.nan if number == 2 else 1.0)


def logged(run: Run) -> list[int]:
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["round"] for line in lines]


@pytest.mark.parametrize("every", [1, 2])
def test_a_diverged_round_stops_the_search_and_is_not_kept(tmp_path, every):
    config = tiny_config()
    checkpoint = dataclasses.replace(config.checkpoint, every=every)
    config = dataclasses.replace(config, checkpoint=checkpoint)
    experiment, engine, state = start(config)
    engine = engine._replace(num_warm_up=9, learn=diverging)
    for first in (0, 2):  # going on meets the same
        state = dataclasses.replace(state, round=np.int32(first))
        with (
            open_run(tmp_path, config) as run,
            Progress("test", 9) as progress,
            pytest.raises(DivergedError, match=r"in round 2 .*\(learning_rate 0.001,"),
        ):
            run_rounds(experiment, engine, state, run, CompileCounter(), progress, 9)
        assert logged(run) == [0, 1]
        saved = sorted(path.name for path in run.checkpoints.iterdir())
        assert any("2" in name for name in saved)
        assert not any("3" in name or "4" in name for name in saved)


def test_weights_that_are_not_finite_leave_no_finite_loss():
    _, engine, state = start(tiny_config(train=TRAIN))
    table = state.learner.params.encoder.embeddings.word
    _, loss = engine.learn(jax.tree.map(jnp.array, state.learner), 0)
    assert jnp.isfinite(loss)
    # Of a token that no text has: the loss itself does not know of it.
    params = jax.tree.map(
        lambda leaf: leaf.at[UNKNOWN].set(jnp.inf) if leaf is table else leaf,
        state.learner.params,
    )
    _, loss = engine.learn(dataclasses.replace(state.learner, params=params), 0)
    assert jnp.isnan(loss)


@pytest.mark.parametrize("every", [1, 3])
def test_every_round_is_logged_before_a_state_after_it_is_saved(
    tmp_path, monkeypatch, every
):
    """So that an interruption between the two repeats a round, and loses none."""
    events: list[tuple[str, int]] = []
    append, save = MetricsFile.append, Checkpoints.save

    def note_append(self, record):
        append(self, record)
        events.append(("logged", record["round"]))

    def note_save(self, step, state):
        events.append(("saved", step))
        save(self, step, state)

    monkeypatch.setattr(MetricsFile, "append", note_append)
    monkeypatch.setattr(Checkpoints, "save", note_save)
    config = tiny_config()
    checkpoint = dataclasses.replace(config.checkpoint, every=every)
    config = dataclasses.replace(config, checkpoint=checkpoint)
    experiment, engine, state = start(config)
    engine = engine._replace(
        num_warm_up=9, learn=lambda learner, number: (learner, jnp.asarray(1.0))
    )
    with open_run(tmp_path, config) as run, Progress("test", 5) as progress:
        run_rounds(experiment, engine, state, run, CompileCounter(), progress, 5)
    assert logged(run) == [0, 1, 2, 3, 4]
    saved = [number for what, number in events if what == "saved"]
    assert saved == ([1, 2, 3, 4, 5] if every == 1 else [3, 5])
    for number in saved:
        before = events[: events.index(("saved", number))]
        assert [n for what, n in before if what == "logged"] == [*range(number)]
