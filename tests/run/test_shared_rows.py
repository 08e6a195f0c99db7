"""A search over which pieces have a row of their own, to a model that needs nothing."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.data.tokens.trimming.material import names
from tests.experiment.encoders import make
from tests.run.test_trimmed import SHORT
from xlnas_jax.config.config import Config
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.evaluate import EvaluateConfig, TuningConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.model import VocabularyConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.params import count_params
from xlnas_jax.run.again import export_run
from xlnas_jax.run.recorded import WORDS, recall, record, require_same
from xlnas_jax.run.run import run_search
from xlnas_jax.types import CheckpointError

SHARES = (0.5, 0.9, 1.0)


def config_in(folder: Path, shared: int = 6, **changes) -> Config:
    config = make(
        folder,
        vocabulary=VocabularyConfig(shared=shared),
        **{"search": SHORT, "constraints": ConstraintsConfig(), **changes},
    )
    space = dataclasses.replace(config.space, vocabulary=SHARES)
    return dataclasses.replace(config, space=space)


def test_rows_are_recalled_and_others_do_not_go_on(tmp_path: Path) -> None:
    experiment = prepare(config_in(tmp_path))
    kept = tmp_path / "experiment"
    record(experiment, kept)
    require_same(experiment, kept)
    assert recall(experiment.config, kept).shape == experiment.shape
    other = prepare(config_in(tmp_path, shared=5))
    with pytest.raises(CheckpointError, match="got other words"):
        require_same(other, kept)
    np.save(kept / WORDS, np.zeros((3, 2), np.int32))
    with pytest.raises(CheckpointError, match=r"words\.npy"):
        recall(experiment.config, kept)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sandwich", "distill"])
def test_a_search_ends_with_a_model_that_needs_nothing_else(
    tmp_path: Path, method: str
) -> None:
    search = dataclasses.replace(SHORT, objectives=("error", "params"))
    config = config_in(tmp_path, search=search)
    train = dataclasses.replace(config.train, method=method)
    config = dataclasses.replace(config, train=train)
    document, _ = run_search(config, tmp_path / "run")
    for folder in ("model", "data"):
        shutil.rmtree(tmp_path / folder)
    for point in document["points"]:
        again = export_run(tmp_path / "run", point["id"], tmp_path / point["id"])
        model = load(again)
        assert count_params(model.weights) == point["costs"]["params"]
        (share,) = point["architecture"]["vocabulary"]
        words = model.shape.words
        assert (words is None) == (share == 1.0)
        card = " ".join((again / "README.md").read_text().split())
        said = f"those of {100 * share:g} % of every language's tokens"
        assert (said in card) == (share < 1.0)
        assert model.predict(list(names("ru")[:2]))
    assert min(p["architecture"]["vocabulary"][0] for p in document["points"]) == 0.5


@pytest.mark.slow
def test_candidates_and_finalists_are_trained_by_their_rows(tmp_path: Path) -> None:
    search = dataclasses.replace(SHORT, weight_steps=0, finalists=2)
    config = config_in(
        tmp_path,
        search=search,
        evaluate=EvaluateConfig(tuning=TuningConfig(steps=2, batch_size=4)),
        finalists=FinalistsConfig(steps=3),
    )
    document, path = run_search(config, tmp_path / "run")
    finalists = document["finalists"]["networks"]
    assert all(len(one["architecture"]["vocabulary"]) == 1 for one in finalists)
    assert load(path).predict(list(names("ru")[:2]))
