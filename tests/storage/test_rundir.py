"""A run directory belongs to one configuration and one process; kills spoil nothing."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from xlnas_jax.config.config import Config
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.reading.file import load_config, parse_config, to_mapping
from xlnas_jax.storage.metrics import MetricsFile
from xlnas_jax.storage.rundir import Run, open_run, read_config
from xlnas_jax.types import CheckpointError

# Takes the lock as a run does, says so, and waits to be killed.
HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
file.write("4711")
file.flush()
print("locked", flush=True)
time.sleep(60)
"""


def make_config(**search: int) -> Config:
    return parse_config(
        {
            "languages": {"source": "en", "aux_heldout": ["fr"], "target": ["de"]},
            "data": {"kind": "cldr"},
            "model": {"kind": "scratch"},
            "search": search,
        }
    )


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_a_new_run_holds_its_resolved_configuration(tmp_path: Path) -> None:
    config = make_config(rounds=3)
    with open_run(tmp_path / "runs" / "a", config) as run:
        assert run.path == tmp_path / "runs" / "a"
        assert run.checkpoints == run.path / "checkpoints"
    assert load_config(tmp_path / "runs" / "a" / "config.yaml") == config
    assert read_config(tmp_path / "runs" / "a") == config
    stored = yaml.safe_load((tmp_path / "runs" / "a" / "config.yaml").read_text())
    assert stored["search"]["population"] == 16


def test_the_same_configuration_continues_the_run(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config()) as run:
        run.merge_measured({"seconds": 1.5})
    with open_run(tmp_path, make_config()) as run:
        assert run.read_measured() == {"seconds": 1.5}


def test_other_devices_continue_the_run(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config()):
        pass
    moved = dataclasses.replace(make_config(), devices=DevicesConfig(pop=2))
    with open_run(tmp_path, moved) as run:
        assert run.read_measured() == {}


def changed(path: str, value: object) -> Config:
    """The usual configuration with another value of one option."""
    mapping = to_mapping(make_config())
    *sections, name = path.split(".")
    section = mapping
    for part in sections:
        section = section[part]
    section[name] = value
    return parse_config(mapping)


FREE = {
    "skip_bad_rows": True,
    "tokens.max_unk_rate": 0.5,
    "search.tested": 1,
    "search.control": False,
    "export.pick": "knee",
    "export.finetune_steps": 3,
    "export.finetune_learning_rate": 1e-4,
    "checkpoint.every": 3,
    "checkpoint.keep": 7,
}


@pytest.mark.parametrize("path", FREE)
def test_what_the_rounds_never_look_at_may_change_and_is_remembered(
    path: str, tmp_path: Path
) -> None:
    with open_run(tmp_path, make_config()):
        pass
    with open_run(tmp_path, changed(path, FREE[path])):
        pass
    assert read_config(tmp_path) == changed(path, FREE[path])


def test_rows_that_are_no_longer_used_make_another_search(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config()):
        pass
    before = contents(tmp_path)
    with (
        pytest.raises(CheckpointError, match="rows of training or auxiliary data"),
        open_run(tmp_path, changed("skip_bad_rows", True), is_whole=False),
    ):
        pass
    assert contents(tmp_path) | {".lock": b""} == before | {".lock": b""}


@pytest.mark.parametrize("path", FREE)
def test_a_finished_run_says_what_can_no_longer_change(
    path: str, tmp_path: Path
) -> None:
    with open_run(tmp_path, make_config()) as run:
        run.write_front({"points": []})
    other = changed(path, FREE[path])
    if path.startswith(("export", "search")):
        with (
            pytest.raises(CheckpointError, match=rf"finished run.*{path} was.*export"),
            open_run(tmp_path, other),
        ):
            pass
    else:
        with open_run(tmp_path, other) as run:
            assert run.read_front() == {"points": []}
    assert read_config(tmp_path) == make_config()


def test_other_devices_are_not_remembered(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config()):
        pass
    before = (tmp_path / "config.yaml").read_bytes()
    with open_run(tmp_path, changed("devices.pop", 2)):
        pass
    assert (tmp_path / "config.yaml").read_bytes() == before


def test_another_configuration_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config(rounds=3)) as run:
        run.write_front({"points": []})
    before = contents(tmp_path)
    other = dataclasses.replace(make_config(rounds=4), seed=1)
    with (
        pytest.raises(CheckpointError, match="different config") as caught,
        open_run(tmp_path, other),
    ):
        pass
    assert "search.rounds was 3 and is now 4" in str(caught.value)
    assert "seed was 0 and is now 1" in str(caught.value)
    assert contents(tmp_path) | {".lock": b""} == before | {".lock": b""}


def test_a_directory_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with (
        pytest.raises(CheckpointError, match=r"holds 'thesis.tex' and no config.yaml"),
        open_run(tmp_path, make_config()),
    ):
        pass
    assert contents(tmp_path) == {"thesis.tex": b"mine"}


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    with (
        pytest.raises(CheckpointError, match="cannot be written: File exists"),
        open_run(tmp_path / "run", make_config()),
    ):
        pass


def test_a_run_killed_while_it_was_created_can_start_again(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("1")
    (tmp_path / ".config.yaml.tmp").write_text("langua")
    with open_run(tmp_path, make_config()):
        assert read_config(tmp_path) == make_config()


def test_a_stored_configuration_of_another_version_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("sead: 1\n")
    with (
        pytest.raises(CheckpointError, match=r"this version.*sead"),
        open_run(tmp_path, make_config()),
    ):
        pass


def test_what_is_no_run_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"it has no config.yaml"):
        read_config(tmp_path)


def test_two_openings_of_one_run_exclude_each_other(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config()):
        with (
            pytest.raises(CheckpointError, match=f"process {os.getpid()} holds"),
            open_run(tmp_path, make_config()),
        ):
            pass
    with open_run(tmp_path, make_config()):
        pass


def test_those_that_follow_write_nothing_and_find_nothing(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config()) as run:
        run.write_front({"points": []})
        run.merge_measured({"seconds": 1.0})
        run.metrics.append({"round": 0})
        before = contents(tmp_path)
        follower = Run(run.path, is_writer=False)
        follower.write_front({"points": [1]})
        follower.merge_measured({"seconds": 2.0})
        follower.metrics.append({"round": 1})
        follower.metrics.truncate(0)
        assert contents(tmp_path) == before
        assert follower.read_front() is None
        assert follower.read_measured() == {}


def test_a_killed_process_releases_the_run(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config()):
        pass
    (tmp_path / ".lock").write_text("")
    command = [sys.executable, "-c", HOLDER, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with (
            pytest.raises(CheckpointError, match="process 4711 holds"),
            open_run(tmp_path, make_config()),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
    with open_run(tmp_path, make_config()) as run:
        assert run.path == tmp_path


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = Run(tmp_path)
    run.write_front({"is": "old"})
    before = contents(tmp_path)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CheckpointError, match="No space left on device"):
        run.write_front({"is": "new"})
    assert contents(tmp_path) == before


def test_the_front_reads_back_and_same_content_is_same_bytes(tmp_path: Path) -> None:
    document = {"points": [{"id": "ø", "error": 0.1, "bad": float("nan")}]}
    with open_run(tmp_path, make_config()) as run:
        assert run.read_front() is None
        run.write_front(document)
        first = (tmp_path / "front.json").read_bytes()
        run.write_front(document)
        assert (tmp_path / "front.json").read_bytes() == first
        assert run.read_front() == {
            "points": [{"id": "ø", "error": 0.1, "bad": None}],
        }


@pytest.mark.parametrize("content", ['{"points": [', "[]"])
def test_a_broken_front_is_named(tmp_path: Path, content: str) -> None:
    with open_run(tmp_path, make_config()) as run:
        (tmp_path / "front.json").write_text(content)
        with pytest.raises(CheckpointError, match=r"front.json: must .*Delete it"):
            run.read_front()


def test_measured_values_are_merged_by_name(tmp_path: Path) -> None:
    with open_run(tmp_path, make_config()) as run:
        run.merge_measured({"latency": {"a": 1}, "seconds": 2.0})
        run.merge_measured({"seconds": 3.0})
        assert run.read_measured() == {"latency": {"a": 1}, "seconds": 3.0}


def test_resuming_drops_rounds_from_the_restored_one_on(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    for number in range(4):
        metrics.append({"round": number, "loss": float("inf")})
    before = metrics.path.read_bytes()
    metrics.truncate(4)
    assert metrics.path.read_bytes() == before
    metrics.truncate(2)
    metrics.append({"round": 2, "loss": 0.5})
    lines = [json.loads(line) for line in metrics.path.read_text().splitlines()]
    assert lines == [
        {"round": 0, "loss": None},
        {"round": 1, "loss": None},
        {"round": 2, "loss": 0.5},
    ]


@pytest.mark.parametrize(
    "torn", [b'{"round": 1, "lo', b'{"round": 1}', b"3\n", b'{"a": "\xc3']
)
def test_resuming_drops_a_torn_line(tmp_path: Path, torn: bytes) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    metrics.append({"round": 0})
    with metrics.path.open("ab") as file:
        file.write(torn)
    metrics.truncate(2)
    assert metrics.path.read_bytes() == b'{"round": 0}\n'


def test_resuming_without_metrics_is_no_error(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    metrics.truncate(0)
    assert not metrics.path.exists()
