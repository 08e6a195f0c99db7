"""Two directories are exchanged in one step; what a kill leaves is cleared away."""

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xlnas_jax.export.artifact import replace
from xlnas_jax.export.artifact.replace import MARK, NEW, OLD, exchange, put, room_beside


def make(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text(text)
    return path


def texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_two_names_are_exchanged(tmp_path: Path) -> None:
    one, two = make(tmp_path / "one", "1"), make(tmp_path / "two", "2")

    exchange(one, two)

    assert texts(tmp_path) == {"one/file": "2", "two/file": "1"}
    with pytest.raises(FileNotFoundError):
        exchange(one, tmp_path / "three")


def test_the_older_one_is_gone_at_the_end(tmp_path: Path) -> None:
    path = make(tmp_path / "model", "old")

    with room_beside(path) as room:
        make(room / NEW, "new")
        put(room, path)

    assert texts(tmp_path) == {"model/file": "new"}


@pytest.mark.parametrize("is_there", [False, True])
def test_a_system_that_cannot_exchange_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(replace, "exchange", unable)
    path = tmp_path / "model"
    if is_there:
        make(path, "old")

    with room_beside(path) as room:
        make(room / NEW, "new")
        put(room, path)

    assert texts(tmp_path) == {"model/file": "new"}


def test_a_system_without_the_call_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())

    with pytest.raises(OSError, match="not implemented") as caught:
        exchange(tmp_path, tmp_path)

    assert caught.value.errno == errno.ENOSYS


def test_a_failed_rename_brings_the_earlier_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rename = make(tmp_path / "model", "old"), os.rename

    def unable(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    def fail_on_new(source: Any, target: Any) -> None:
        if Path(source).name == NEW:
            raise OSError(errno.EIO, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(replace, "exchange", unable)
    monkeypatch.setattr(os, "rename", fail_on_new)
    with pytest.raises(OSError, match="Input/output error"), room_beside(path) as room:
        make(room / NEW, "new")
        put(room, path)

    assert texts(tmp_path) == {"model/file": "old"}


KILLED = """
import os, sys
from pathlib import Path
from xlnas_jax.export.artifact.replace import (
    NEW,
    put,
    room_beside,
)
path = Path(sys.argv[1])
with room_beside(path) as room:
    (room / NEW).mkdir()
    (room / NEW / "file").write_text("new")
    put(room, path)
    os._exit(9)
"""


def test_a_kill_leaves_one_whole_and_nothing_for_ever(tmp_path: Path) -> None:
    path = make(tmp_path / "mo[d]el", "old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == 9
    assert texts(path) == {"file": "new"}
    assert len(os.listdir(tmp_path)) == 2

    with room_beside(path):
        pass

    assert texts(path) == {"file": "new"}
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("left", [(), (MARK,), (MARK, NEW), (MARK, OLD)])
def test_what_a_kill_left_at_any_instant_is_cleared_away(
    tmp_path: Path, left: tuple[str, ...]
) -> None:
    path = make(tmp_path / "model", "whole")
    room = tmp_path / ".model-abcde_12"
    room.mkdir()
    for name in left:
        (room / name).write_text("") if name == MARK else make(room / name, "part")

    with room_beside(path):
        pass

    assert texts(path) == {"file": "whole"}
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("when", ["rmtree", "rmdir"])
def test_what_threads_of_an_interrupted_export_write_late_is_cleared_next_time(
    tmp_path: Path, monkeypatch, when: str
) -> None:
    """As Orbax's do: they go on while, or after, the room is being deleted."""
    path = make(tmp_path / "model", "whole")
    module = shutil if when == "rmtree" else os
    delete = getattr(module, when)

    def late(folder: Path, **options: bool) -> None:
        if when == "rmtree":
            delete(folder, **options)
        (tmp_path / os.path.relpath(folder, tmp_path).split("/")[0] / NEW).mkdir(
            exist_ok=True
        )
        if when == "rmdir":
            delete(folder)

    with monkeypatch.context() as patch:
        patch.setattr(module, when, late)
        with pytest.raises(KeyboardInterrupt), room_beside(path) as room:
            raise KeyboardInterrupt
    assert {*os.listdir(room)} == {MARK, NEW}

    with room_beside(path):
        pass
    assert texts(path) == {"file": "whole"}
    assert os.listdir(tmp_path) == ["model"]


def test_a_kill_between_two_renames_is_mended(tmp_path: Path) -> None:
    make(tmp_path / ".model-abcdefgh" / OLD, "old")
    (tmp_path / ".model-abcdefgh" / MARK).write_text("")

    with room_beside(tmp_path / "model"):
        assert texts(tmp_path / "model") == {"file": "old"}

    assert os.listdir(tmp_path) == ["model"]


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "model"
    make(tmp_path / ".model-abcdefgh", "a user's")
    make(tmp_path / ".model-ijklmnop" / NEW, "without our mark")
    make(tmp_path / ".model-toolonganame" / NEW, "another name")
    outside = make(tmp_path / "outside", "elsewhere")
    (outside / MARK).write_text("")
    (tmp_path / ".model-qrstuvwx").symlink_to(outside)
    before = texts(tmp_path)

    with room_beside(path):
        pass

    assert texts(tmp_path) == before


def test_links_in_what_was_left_are_not_followed(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", "elsewhere")
    left = tmp_path / ".model-abcdefgh"
    left.mkdir()
    (left / MARK).write_text("")
    (left / OLD).symlink_to(outside)

    with room_beside(tmp_path / "model"):
        pass

    assert texts(outside) == {"file": "elsewhere"}
    assert not (tmp_path / "model").exists()


def test_what_another_export_is_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with room_beside(path) as first:
        make(first / NEW, "first")
        with room_beside(path):
            assert texts(first) == {"new/file": "first", MARK: ""}
