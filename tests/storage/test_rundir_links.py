"""A run whose names are links or pipes is refused, and reading makes nothing."""

import os
from pathlib import Path

import pytest

from tests.storage.test_rundir import contents, make_config
from xlnas_jax.storage.metrics import MetricsFile
from xlnas_jax.storage.rundir import open_run, read_run
from xlnas_jax.types import CheckpointError

NAMES = ("config.yaml", "front.json", ".lock", "metrics.jsonl", "measured.json")
FOLDERS = ("checkpoints", "experiment", "model")


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run with a front, and a folder of the user's own beside it."""
    with open_run(tmp_path / "run", make_config()) as run:
        run.write_front({"points": []})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("precious")
    return tmp_path / "run"


def opened(directory: Path) -> None:
    with open_run(directory, make_config()) as run:
        run.metrics.truncate(0)


def read(directory: Path) -> None:
    with read_run(directory) as run:
        run.read_front()


@pytest.mark.parametrize("use", [opened, read])
@pytest.mark.parametrize("name", [*NAMES, *FOLDERS])
def test_a_name_of_the_run_that_is_a_link_is_refused(
    finished: Path, name: str, use
) -> None:
    mine = finished.parent / "mine"
    (finished / name).unlink(missing_ok=True)
    (finished / name).symlink_to(mine / "precious" if name in NAMES else mine)
    before = contents(finished.parent)
    with pytest.raises(CheckpointError, match=rf"{name}.*link"):
        use(finished)
    assert contents(finished.parent) == before


@pytest.mark.parametrize("use", [opened, read])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "config.yaml"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(
    finished: Path, name: str, use
) -> None:
    (finished / name).unlink(missing_ok=True)
    os.mkfifo(finished / name)
    with pytest.raises(CheckpointError, match=f"{name}: must be .*a FIFO"):
        use(finished)


def test_the_directory_itself_may_be_a_link(finished: Path) -> None:
    link = finished.with_name("link")
    link.symlink_to(finished)
    opened(link)
    read(link)


def test_reading_makes_nothing_and_shares_with_readers_alone(finished: Path) -> None:
    (finished / ".lock").unlink()
    before = contents(finished)
    read(finished)
    assert contents(finished) == before
    with open_run(finished, make_config()):
        with pytest.raises(CheckpointError, match="one process at a time"):
            read(finished)
    with read_run(finished), read_run(finished):
        with pytest.raises(CheckpointError, match="one process at a time"):
            opened(finished)


def test_a_line_is_never_added_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    metrics.path.symlink_to(tmp_path / "mine")
    with pytest.raises(CheckpointError, match="it is a link"):
        metrics.append({"round": 0})
    assert (tmp_path / "mine").read_text() == "precious"
