"""A round is logged, then saved; one whose training diverged is neither."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.test_search import start
from xlnas_jax.compiles import CompileCounter
from xlnas_jax.config import TrainConfig
from xlnas_jax.logger import Progress
from xlnas_jax.rounds import run_rounds
from xlnas_jax.rundir import Run, open_run
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
