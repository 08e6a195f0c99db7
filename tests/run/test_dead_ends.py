"""What ends a search after its last round can be mended, and the same run goes on."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.experiment.test_inspection import ROWS, table_config, write, write_split
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.run import run as runner
from xlnas_jax.storage.rundir import read_config
from xlnas_jax.types import ConfigError, DataError


@pytest.mark.slow
def test_faulty_rows_and_a_wrong_pick_cost_no_round(tmp_path: Path, monkeypatch):
    search = SearchConfig(
        rounds=2, weight_steps=2, population=4, archive_size=8, control=False
    )
    wrong = ExportConfig(pick="0123456789")  # of the form of an id, but none
    config = table_config(write(tmp_path / "data"), search=search, export=wrong)
    run = tmp_path / "run"
    check = runner.check_data

    def spoil(*arguments) -> bool:
        """A target's row becomes faulty after the check."""
        is_whole = check(*arguments)
        rows = [*ROWS, ("a dish", "food")]
        write_split(tmp_path / "data" / "es" / "test.jsonl", rows)
        return is_whole

    monkeypatch.setattr(runner, "check_data", spoil)
    with pytest.raises(DataError, match="food"):
        runner.run_search(config, run)
    lines = (run / "metrics.jsonl").read_text()
    monkeypatch.setattr(runner, "check_data", check)
    with pytest.raises(DataError, match="food"):  # now before anything else
        runner.run_search(config, run)
    config = dataclasses.replace(config, skip_bad_rows=True)
    with pytest.raises(ConfigError, match="pick"):
        runner.run_search(config, run)
    config = dataclasses.replace(config, export=ExportConfig(pick="smallest"))
    document, _ = runner.run_search(config, run)
    assert document["tasks"]["task"]["rows"]["test"]["es"]["rejected"] == {
        "unknown label": 1
    }
    assert (run / "metrics.jsonl").read_text() == lines
    assert json.loads((run / "measured.json").read_text())["resumed_from_round"] == 4
    assert read_config(run) == config
