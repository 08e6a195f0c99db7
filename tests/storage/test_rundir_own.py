"""Nothing that is not the run's own is touched, and reading a run changes nothing."""

import json
import os
from pathlib import Path

import pytest

from tests.fuzz.contract import snapshot
from tests.storage.test_rundir import make_config
from xlnas_jax.storage.rundir import open_run, read_run
from xlnas_jax.types import CheckpointError

FOLDERS = ("checkpoints", "experiment", "model")
FRONT = {"format": 1, "points": [{"id": "a", "error": 0.25}]}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run, beside a folder of the user's."""
    with open_run(tmp_path / "run", make_config()) as opened:
        opened.metrics.append({"round": 0})
        opened.merge_measured({"seconds": 1.5})
        opened.write_front(FRONT)
    for name in FOLDERS:
        (tmp_path / "run" / name).mkdir()
    (tmp_path / "mine" / ".3.tmp").mkdir(parents=True)
    (tmp_path / "mine" / "precious").write_text("mine")
    return tmp_path / "run"


def refuse(run: Path, match: str) -> None:
    """Neither reading nor going on is possible, and nothing at all changes."""
    before = snapshot(run.parent)
    for opening in (open_run(run, make_config()), read_run(run)):
        with pytest.raises(CheckpointError, match=match), opening:
            pass
    assert snapshot(run.parent) == before


@pytest.mark.parametrize("name", FOLDERS)
def test_a_link_that_leads_nowhere_is_refused(run: Path, name: str) -> None:
    (run / name).rmdir()
    (run / name).symlink_to(run.parent / "mine" / "new")
    refuse(run, "it is a link")


def test_folders_and_files_are_not_taken_for_each_other(run: Path) -> None:
    (run / "front.json").unlink()
    (run / "front.json").mkdir()
    refuse(run, "it is a directory")
    (run / "front.json").rmdir()
    (run / "model").rmdir()
    (run / "model").write_text("x")
    refuse(run, "it is a regular file")


@pytest.mark.parametrize("name", [".lock", "metrics.jsonl"])
def test_a_file_with_another_name_elsewhere_is_not_written(
    run: Path, name: str
) -> None:
    os.link(run / name, run.parent / "mine" / name)
    before = snapshot(run.parent)
    with (
        pytest.raises(CheckpointError, match=rf"{name}: .*\(a hard link\)"),
        open_run(run, make_config()),
    ):
        pass
    with read_run(run) as opened:
        assert opened.read_front() == FRONT
    assert snapshot(run.parent) == before


def test_files_that_are_replaced_leave_another_name_as_it_was(run: Path) -> None:
    for name in ("front.json", "measured.json"):
        os.link(run / name, run.parent / "mine" / name)
    before = snapshot(run.parent / "mine")
    with open_run(run, make_config()) as opened:
        opened.write_front({"points": []})
        opened.merge_measured({"seconds": 2.5})
    assert snapshot(run.parent / "mine") == before


def test_links_at_temporary_names_are_not_followed(run: Path) -> None:
    precious = run.parent / "mine" / "precious"
    for name in ("front.json", "measured.json", "metrics.jsonl"):
        (run / f".{name}.tmp").symlink_to(precious)
    with open_run(run, make_config()) as opened:
        opened.write_front(FRONT)
        opened.merge_measured({"seconds": 2.5})
        opened.metrics.truncate(0)
        assert opened.read_measured() == {"seconds": 2.5}
    assert precious.read_text() == "mine"


def test_a_run_is_read_without_opening_anything_for_writing(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a colleague's run may be read-only; root's rights would hide it here."""
    really_open = os.open
    opened: list[str] = []

    def watch(path, flags: int, *arguments, **more) -> int:
        opened.append(os.path.basename(path))
        assert not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT), path
        return really_open(path, flags, *arguments, **more)

    monkeypatch.setattr(os, "open", watch)
    with read_run(run) as found:
        assert found.read_front() == FRONT
        assert found.read_measured() == {"seconds": 1.5}
    assert {".lock", "front.json", "measured.json"} <= {*opened}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"points": 3},
        {**FRONT, "crc32": True},
        {**FRONT, "crc32": None},
        FRONT,
        {"format": 1, "points": [{"id": "a", "error": 0.125}], "crc32": "KEEP"},
    ],
)
def test_a_front_that_was_not_found_is_refused(run: Path, content: dict) -> None:
    path = run / "front.json"
    if content.get("crc32") == "KEEP":  # another score, under the true checksum
        content = {**content, "crc32": json.loads(path.read_text())["crc32"]}
    path.write_text(json.dumps(content))
    with read_run(run) as opened:
        with pytest.raises(CheckpointError, match=r"as a search wrote it.*Delete it"):
            opened.read_front()


def test_a_log_beyond_all_memory_is_refused(run: Path) -> None:
    os.truncate(run / "metrics.jsonl", 1 << 42)
    with open_run(run, make_config()) as opened:
        with pytest.raises(CheckpointError, match=r"metrics.jsonl: must have at most"):
            opened.metrics.truncate(1)
