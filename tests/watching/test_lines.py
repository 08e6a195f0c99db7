"""A log is read while it is written: whole lines, each once."""

import json
from pathlib import Path

import pytest

from xlnas_jax.storage.metrics import MetricsFile
from xlnas_jax.types import CheckpointError
from xlnas_jax.watching.lines import Lines


def test_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = Lines(path)
    assert lines.read() == []
    path.write_text('{"round": 0}\n{"round": 1, "text": "é')
    assert lines.read() == [{"round": 0}]
    assert lines.read() == []
    with path.open("a") as file:
        file.write('"}\n{"round": 2}\n')
    assert lines.read() == [{"round": 1, "text": "é"}, {"round": 2}]
    assert sorted(lines.rounds) == [0, 1, 2]


def test_a_run_that_goes_on_from_an_earlier_round_is_read_anew(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    lines = Lines(metrics.path)
    for number in range(4):
        metrics.append({"round": number, "loss": 1.0})
    assert len(lines.read()) == 4
    metrics.truncate(2)
    metrics.append({"round": 2, "loss": 2.0})
    assert lines.read() == [{"round": 2, "loss": 2.0}]
    assert sorted(lines.rounds) == [0, 1, 2]
    metrics.append({"round": 3, "loss": 3.0})
    assert lines.read() == [{"round": 3, "loss": 3.0}]


@pytest.mark.parametrize("line", ["nonsense", "[1]", '{"loss": 1}', '{"round": "1"}'])
def test_a_whole_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"round": 0}) + f"\n{line}\n")
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl, line 2: must be"):
        Lines(path).read()
