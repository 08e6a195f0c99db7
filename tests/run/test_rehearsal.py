"""A dry run finds what would end a search, and writes nothing."""

import dataclasses
from pathlib import Path

import pytest

from tests.experiment.test_inspection import ROWS, table_config, write, write_split
from tests.experiments import tiny_config
from tests.fuzz.contract import snapshot
from xlnas_jax.cli.main import run
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.reading.file import dump_config
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.data.tokens.coverage import TokenizerWarning
from xlnas_jax.run.rehearsal import rehearse
from xlnas_jax.storage.rundir import open_run
from xlnas_jax.types import CheckpointError, ConfigError, DataError


def test_a_sound_search_is_described_and_nothing_is_written(tmp_path: Path, capsys):
    config = tmp_path / "config.yaml"
    config.write_text(dump_config(tiny_config()))
    before = snapshot(tmp_path)
    arguments = [str(config), "--run-dir", str(tmp_path / "r[/b]"), "--dry-run"]
    assert run(["search", *arguments]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Nothing stands in the way. 320 rows were read, in 10 splits of 6 languages.",
        "The search would choose among 96 networks, in 4 rounds of 6 candidates.",
        f"{tmp_path}/r[/b]: a new run.",
    ]
    assert snapshot(tmp_path) == before


def test_rows_that_a_search_would_read_last_are_found(tmp_path: Path):
    folder = write(tmp_path / "data")
    write_split(folder / "es" / "test.jsonl", [*ROWS, ("a dish", "food")])
    config = table_config(folder)
    with pytest.raises(DataError, match="food"):
        rehearse(config, tmp_path / "run", print)
    said: list[str] = []
    skipping = dataclasses.replace(config, skip_bad_rows=True)
    rehearse(skipping, tmp_path / "run", said.append)
    assert said == ["es, test: 1 of 7 rows are passed over (1 unknown label)"]


def test_a_run_directory_is_looked_at_and_not_touched(tmp_path: Path):
    config = tiny_config()
    with open_run(tmp_path / "run", config):
        pass
    before = snapshot(tmp_path)
    assert rehearse(config, tmp_path / "run", print)[-1].endswith("would go on.")
    with pytest.raises(CheckpointError, match="seed was 0 and is now 1"):
        rehearse(dataclasses.replace(config, seed=1), tmp_path / "run", print)
    with pytest.raises(CheckpointError, match="must be empty or hold a run"):
        rehearse(config, tmp_path, print)
    assert snapshot(tmp_path) == before


def test_a_language_that_the_tokenizer_does_not_know_is_told_of(tmp_path: Path):
    languages = LanguagesConfig(source="en", aux_heldout=("pt",), target=("ka",))
    with pytest.warns(TokenizerWarning, match="Georgian"):
        rehearse(tiny_config(languages=languages), tmp_path / "run", print)


def test_devices_that_are_not_there_are_found(tmp_path: Path):
    with pytest.raises(ConfigError, match="devices"):
        rehearse(tiny_config(devices=DevicesConfig(pop=64)), tmp_path, print)
    uneven = tiny_config(devices=DevicesConfig(pop=2), train=TrainConfig(batch_size=15))
    with pytest.raises(ConfigError, match="must be a multiple of the 2 devices"):
        rehearse(uneven, tmp_path, print)
