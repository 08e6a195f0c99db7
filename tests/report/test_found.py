"""What is read of run directories, whole, unfinished and damaged."""

import json
import os

import pytest

from tests.report.material import config_of, document_of, make_run, rounds_of
from xlnas_jax.report.found import groups_of, read_found
from xlnas_jax.types import CheckpointError, ConfigError


def test_all_that_was_written_is_read(folder):
    (found,) = read_found([folder / "one"])
    assert found.label == "one"
    assert found.is_finished
    assert found.front == json.loads(json.dumps(document_of(0, points=24)))
    assert found.rounds == rounds_of(0)
    assert found.config == config_of(0)
    assert found.measured["seconds"] == 12.5


def test_a_run_that_goes_on_is_read_without_the_line_that_is_being_written(tmp_path):
    run = make_run(tmp_path / "run", rounds=5)
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"round": 5, "los')
    (found,) = read_found([run])
    assert not found.is_finished
    assert [line["round"] for line in found.rounds] == [0, 1, 2, 3, 4]


def test_nothing_is_changed_or_made(tmp_path):
    run = make_run(tmp_path / "run", 0, document_of(0, points=3))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    run.chmod(0o555)
    try:
        read_found([run])
    finally:
        run.chmod(0o755)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("front.json", '{"format": 1, "crc32": 7}', "its crc32 is 7"),
        ("front.json", "{", "must hold a JSON object"),
        ("metrics.jsonl", "{\n{}\n", "must hold a JSON object a line"),
        ("measured.json", "[]", "must hold a JSON object"),
        ("config.yaml", "models: {}", "must hold a run of this version"),
    ],
)
def test_what_is_damaged_is_named(file, content, said, tmp_path):
    run = make_run(tmp_path / "run", 0, document_of(0, points=3))
    (run / file).write_text(content)
    with pytest.raises(CheckpointError, match=said) as found:
        read_found([run])
    assert str(run) in str(found.value)
    assert "\n" not in str(found.value)


def test_a_directory_that_is_no_run_is_named_with_what_to_give(tmp_path):
    with pytest.raises(CheckpointError, match=r"no config.yaml. Give the directory"):
        read_found([tmp_path])


def test_a_run_is_given_once_however_it_is_spelled(folder):
    other = os.path.join(folder, "s0", "..", "one")
    with pytest.raises(ConfigError, match="must be given once"):
        read_found([folder / "one", other])


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    runs = [make_run(tmp_path / name / "run", rounds=1) for name in ("a", "b")]
    assert [found.label for found in read_found(runs)] == ["a/run", "b/run"]


def test_runs_that_differ_by_seed_alone_are_of_one_group(folder, tmp_path):
    other = make_run(tmp_path / "other", config=config_of(1, population=32))
    runs = read_found([folder / "s0", other, folder / "s1"])
    assert groups_of(runs) == [0, 1, 0]
