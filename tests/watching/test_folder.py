"""All runs of a folder are found, and nothing that is none."""

import json
import os
from pathlib import Path

import pytest

from tests.watching.runs import finished, held, stopped
from xlnas_jax.cli.main import WRONG_INPUT, run
from xlnas_jax.watching.folder import find_runs


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs, the deepest one changed last, and folders that are none."""
    folder = tmp_path / "runs"
    stopped(folder / "a", 1)
    finished(folder / "b")
    (folder / "b" / "front.json").write_text("{}")
    finished(folder / "deep" / "er" / "c")
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").touch()
    (folder / "link").symlink_to(folder / "deep")
    for age, name in enumerate(("deep/er/c", "b", "a")):
        for path in (folder / name).iterdir():
            if path.is_file():
                os.utime(path, (1e9 - age, 1e9 - age))
    return folder


def names(folder: Path, **limits: int) -> list[str]:
    found = find_runs(folder, **limits).states
    return [one.path.relative_to(folder).as_posix() for one in found]


def test_the_run_that_changed_last_comes_first(runs: Path) -> None:
    assert names(runs) == ["deep/er/c", "b", "a"]
    os.utime(runs / "a" / "metrics.jsonl", (2e9, 2e9))
    assert names(runs) == ["a", "deep/er/c", "b"]


def test_how_far_is_looked_is_bounded_and_said(runs: Path) -> None:
    found = find_runs(runs, max_depth=1)
    assert [one.path.name for one in found.states] == ["b", "a"]
    assert found.is_cut
    assert find_runs(runs, max_folders=1).is_cut
    assert not find_runs(runs).is_cut


def test_a_run_that_is_named_itself_is_found(runs: Path) -> None:
    assert names(runs / "a") == ["."]


def test_the_command_shows_every_state(runs: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with held(runs / "now", 2):
        assert run(["runs", str(runs)]) == 0
    shown = capsys.readouterr().out
    assert "running, round 2 of 4" in shown
    assert "stopped at round 1 of 4" in shown
    assert "damaged: front.json" in shown
    assert "error 0.2500" in shown
    assert "0:01:30" in shown  # 90.5 seconds
    # Why it is damaged stands below.
    assert "crc32" in shown


def test_programs_get_the_same_as_json(runs: Path, capsys) -> None:
    assert run(["runs", str(runs), "--json"]) == 0
    found = {Path(one["path"]).name: one for one in json.loads(capsys.readouterr().out)}
    assert found["c"]["state"] == "finished"
    assert found["c"]["best"] == {"objective": "error", "value": 0.25}
    assert found["c"]["changed"] == "2001-09-09T01:46:40Z"
    assert found["a"]["rounds"] == {"done": 1, "total": 4}
    assert found["b"]["damage"]["file"] == "front.json"


def test_no_folder_is_no_empty_list(tmp_path: Path, capsys) -> None:
    assert run(["runs", str(tmp_path / "none")]) == WRONG_INPUT
    assert "must be a folder that holds runs" in capsys.readouterr().err
    assert run(["runs", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
