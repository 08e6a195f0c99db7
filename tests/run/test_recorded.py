"""What a run keeps of its data and model is enough to go on, and is what was kept."""

import dataclasses
import json
from pathlib import Path

import jax
import pytest

from tests.experiment.test_inspection import table_config, write
from tests.fuzz.contract import snapshot
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import CldrData, SetData
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import abstract_weights, init_params
from xlnas_jax.files import write_json
from xlnas_jax.run.recorded import FILE, LIST, recall, record, require_same
from xlnas_jax.storage.listing import crc32, list_files
from xlnas_jax.types import CheckpointError, DataError


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return table_config(write(tmp_path / "data"))


@pytest.fixture
def experiment(config: Config) -> Experiment:
    return prepare(config)


@pytest.fixture
def kept(tmp_path: Path, experiment: Experiment) -> Path:
    record(experiment, tmp_path / "experiment")
    return tmp_path / "experiment"


def test_an_experiment_is_recalled_without_its_data(
    config: Config, experiment: Experiment, kept: Path, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    monkeypatch.chdir("/")
    found = recall(config, kept)
    (part,), (expected,) = found.parts, experiment.parts
    assert part.task.labels == expected.task.labels
    assert part.tokenizer.to_text() == expected.tokenizer.to_text()
    assert part.roles == expected.roles
    assert found.shape == experiment.shape
    assert found.space == experiment.space
    with pytest.raises(DataError):  # and is looked for where it is really read
        part.source.read("en", "test")


def test_no_place_is_kept(kept: Path, tmp_path: Path) -> None:
    for path in kept.iterdir():
        assert str(tmp_path).encode() not in path.read_bytes()


def test_the_same_experiment_goes_on_and_another_does_not(
    config: Config, experiment: Experiment, kept: Path
) -> None:
    before = snapshot(kept)
    require_same(experiment, kept)
    shape = dataclasses.replace(experiment.shape, ffn=2 * experiment.shape.ffn)
    with pytest.raises(CheckpointError, match="got other shape"):
        require_same(dataclasses.replace(experiment, shape=shape), kept)
    assert snapshot(kept) == before


def test_weights_from_elsewhere_are_recalled_as_such_and_told_apart(
    config: Config, experiment: Experiment, tmp_path: Path
) -> None:
    other = dataclasses.replace(experiment, model_origin="those of a wheel")
    record(other, tmp_path / "kept")
    assert recall(config, tmp_path / "kept").model_origin == "those of a wheel"
    require_same(other, tmp_path / "kept")
    with pytest.raises(CheckpointError, match="got other model_origin"):
        require_same(experiment, tmp_path / "kept")


def test_a_run_of_before_there_were_other_weights_goes_on(
    config: Config, experiment: Experiment, kept: Path
) -> None:
    facts = json.loads((kept / FILE).read_text())
    del facts["model_origin"]
    write_json(kept / FILE, facts)
    (kept / LIST).unlink()
    files = list_files(kept, crc32)
    write_json(kept / LIST, {"format": 1, "files": files})
    require_same(experiment, kept)
    assert recall(config, kept).model_origin == ""


def test_what_a_kill_left_is_replaced(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / ".experiment.tmp").mkdir()
    (tmp_path / ".experiment.tmp" / FILE).write_text("half")
    record(experiment, tmp_path / "experiment")
    assert not (tmp_path / ".experiment.tmp").exists()
    assert json.loads((tmp_path / "experiment" / FILE).read_text())["format"] == 1


def test_another_label_is_not_exported(
    config: Config, experiment: Experiment, kept: Path
) -> None:
    """Of the same length, in JSON that is sound."""
    label = experiment.parts[0].task.labels[0]
    text = (kept / FILE).read_text()
    assert f'"{label}"' in text
    (kept / FILE).write_text(text.replace(f'"{label}"', f'"{label[:-1]}x"'))
    with pytest.raises(CheckpointError, match=f"'{FILE}' has another checksum"):
        recall(config, kept)


@pytest.mark.parametrize("name", [FILE, LIST, "tokenizer.json"])
def test_what_is_missing_is_named(config: Config, kept: Path, name: str) -> None:
    (kept / name).unlink()
    with pytest.raises(CheckpointError, match=f"'{name}' is missing"):
        recall(config, kept)


def test_data_are_looked_for_when_they_are_read_and_not_before(
    experiment: Experiment, kept: Path
) -> None:
    gone = dataclasses.replace(
        experiment.config, data=SetData("sib200", path="/nowhere/at/all")
    )
    (part,) = recall(gone, kept).parts
    with pytest.raises(DataError, match="/nowhere/at/all"):
        part.source.read("en", "train")


def test_a_run_that_would_go_on_with_other_data_says_so(
    experiment: Experiment, kept: Path
) -> None:
    data = CldrData(kinds=("territory", "script"))
    other = prepare(dataclasses.replace(experiment.config, data=data))
    with pytest.raises(CheckpointError, match="other shape, tasks, tokenizer"):
        require_same(other, kept)


def test_weights_are_known_by_shape_without_a_model(experiment: Experiment) -> None:
    def form(tree):
        return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)

    assert form(abstract_weights(experiment)) == form(init_params(experiment))
