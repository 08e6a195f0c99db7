"""A narrowed encoder is searched, resumed and exported at its own hidden size."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import transformers

from tests.experiment.encoders import make
from xlnas_jax.config.config import Config
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.model import NarrowConfig, PretrainedModel
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import import_params, whole_encoder
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.params import count_params
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.run.again import export_run
from xlnas_jax.run.run import run_search
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.supernet.narrow import narrow

WIDTH = 16
SHORT = SearchConfig(
    rounds=2, weight_steps=1, population=4, archive_size=8, control=False
)


def config_in(folder: Path, steps: int = 3, **changes: Any) -> Config:
    """Of 24 dimensions and three heads 16 and two, with a trimmed vocabulary."""
    config = make(
        folder,
        search=SHORT,
        constraints=ConstraintsConfig(),
        space=SpaceConfig(heads=(1, 2), ffn=(12, 36), pooling=("cls",)),
        **changes,
    )
    assert isinstance(config.model, PretrainedModel)
    model = dataclasses.replace(config.model, narrow=NarrowConfig(WIDTH, steps))
    return dataclasses.replace(config, model=model)


def test_all_networks_are_cut_from_the_narrow_encoder(tmp_path: Path) -> None:
    experiment = prepare(config_in(tmp_path))
    shape = experiment.shape
    assert (shape.width, shape.num_heads, shape.head_dim, shape.ffn) == (16, 2, 8, 36)
    # Vectors and logits are those of the vocabulary that is not trimmed, too.
    params = import_params(experiment)
    whole = whole_encoder(experiment)
    assert whole.kept is not None
    own = narrow(whole.encoder, whole.kept)
    jax.tree.map(np.testing.assert_array_equal, params.encoder, own)
    (part,), space = experiment.parts, experiment.space
    rows = np.asarray(space.flatten(space.sample_valid(jax.random.key(0), 8)))
    held = [
        count_params(slice_subnet(params.of_task(part.name), space, row))
        for row in rows
    ]
    assert held == experiment.costs(rows)["params"].tolist()


@pytest.mark.slow
def test_it_learns_again_in_the_first_round_and_only_there(tmp_path: Path) -> None:
    given = config_in(tmp_path)
    found = []
    for config in (given, config_in(tmp_path, steps=0)):
        experiment = prepare(config)
        data = training_rows(experiment), heldout_data(experiment)
        engine, state = make_engine(experiment, *data)
        before = jax.tree.map(np.array, state.learner.params.encoder)
        first, _ = step(engine, state)
        found.append((before, jax.tree.map(np.array, first.learner.params.encoder)))
    (begun, after), (same, plain) = found
    jax.tree.map(np.testing.assert_array_equal, begun, same)
    words = [one.embeddings.word for one in (begun, after, plain)]
    # Here training leaves embeddings as they are.
    assert not np.array_equal(words[0], words[1])
    np.testing.assert_array_equal(words[0], words[2])


@pytest.mark.slow
def test_a_killed_search_comes_to_the_same_end(tmp_path, monkeypatch) -> None:
    config, whole, again = config_in(tmp_path), tmp_path / "run", tmp_path / "again"
    run_search(config, whole)

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("xlnas_jax.run.run.conclude", dies)
    with pytest.raises(KeyboardInterrupt):
        run_search(config, again)
    monkeypatch.undo()
    run_search(config, again)
    expected = (whole / "front.json").read_bytes()
    assert (again / "front.json").read_bytes() == expected


@pytest.mark.slow
def test_a_search_ends_with_a_model_of_that_size_for_other_libraries(tmp_path) -> None:
    document, _ = run_search(config_in(tmp_path), tmp_path / "run")
    path = export_run(tmp_path / "run", "best", tmp_path / "out", forms=("hf",))
    model = load(path)
    assert model.shape.width == WIDTH
    assert count_params(model.weights) in [
        point["costs"]["params"] for point in document["points"]
    ]
    settings = json.loads((path / "hf" / "config.json").read_text("utf-8"))
    assert settings["hidden_size"] == WIDTH
    other = transformers.AutoModel.from_pretrained(path / "hf")
    assert other.embeddings.word_embeddings.weight.shape[1] == WIDTH
    card = (path / "README.md").read_text("utf-8")
    assert "narrowed to 16 hidden dimensions that learnt in 3 steps" in card
