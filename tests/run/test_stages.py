"""Stages beside those of every encoder go through a whole search, and out of it."""

from pathlib import Path

import jax
import numpy as np
import pytest

import xlnas_jax
from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import DartsController
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.run import run_search
from xlnas_jax.run.state import load_state
from xlnas_jax.storage.rundir import read_run

SPACE = SpaceConfig(
    heads=(0, 2),
    ffn=(0, 32),
    window=(2, 24),
    adapter=(0, 4),
    lora=(0, 2),
    prefix=(0, 3),
    pooling=("mean",),
)


def config_of(**changes: object) -> Config:
    search = SearchConfig(rounds=1, weight_steps=2, population=6, archive_size=16)
    return tiny_config(space=SPACE, search=search, **changes)


@pytest.mark.slow
def test_they_are_trained_searched_exported_and_loaded(tmp_path: Path) -> None:
    config = config_of()
    document, artifact = run_search(config, tmp_path / "run")
    point = document["points"][0]["architecture"]
    more = {"window", "adapter", "lora", "prefix"}
    assert set(point) == {"keep", "heads", "ffn", "pooling"} | more
    model = xlnas_jax.load(artifact)
    assert {name for size in model.sizes for name in size} == set(point) - {
        "keep",
        "pooling",
    }
    assert model.predict(["Lisboa", "euro"])[0].label in model.labels
    experiment = prepare(config)
    with read_run(tmp_path / "run") as run:
        _, state, found = load_state(experiment, run)
    assert found is not None
    more = state.learner.params.encoder.layers.more
    # They began as nothing, and took part in training.
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(more))


@pytest.mark.slow
def test_gradients_reach_their_choices(tmp_path: Path) -> None:
    config = config_of(controller=DartsController(arch_steps=2))
    document, _ = run_search(config, tmp_path / "run")
    assert document["evaluated"] > 0
