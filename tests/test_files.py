"""Only regular files are opened, whole files are replaced, JSON is the standard's."""

import os
from pathlib import Path

import pytest

from xlnas_jax.files import (
    located,
    parse_json,
    read_bytes,
    read_json,
    read_text,
    write_json,
)
from xlnas_jax.types import DataError


def make_fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def make_link(path: Path) -> Path:
    target = path.with_name("target")
    target.write_text("{}")
    path.symlink_to(target)
    return path


def make_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (make_fifo, "a FIFO"),
        (make_folder, "a directory"),
        (lambda path: Path("/dev/zero"), "a device"),
        (make_link, "a link"),
    ],
)
def test_what_is_no_regular_file_is_refused_without_waiting(make, kind, tmp_path):
    path = make(tmp_path / "file")
    with pytest.raises(DataError, match=f"{path}: must be .*{kind}. Look again."):
        read_bytes(path, DataError, "Look again.", follow=False)


def test_a_link_is_followed_where_it_may_be(tmp_path):
    assert read_json(make_link(tmp_path / "file"), DataError, "Look.") == {}


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match=r"at most 100 bytes; got 1,099,511,627,776"):
        read_bytes(path, DataError, "Look again.", most=100)


def test_text_is_utf8_and_its_line_ends_are_kept(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc")
    assert read_text(path, DataError, "Look.") == "a\r\nb\rc"
    path.write_bytes(b"a\nb\n\xff")
    with pytest.raises(DataError, match=r"line 3: .*0xff"):
        read_text(path, DataError, "Look.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "no number of JSON"),
        ("[-Infinity]", "no number of JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"a": ' * 100_000, "nested too deep"),
        ('{"a": 1, "b": 2, "a": 1}', "'a' is given twice"),
        (r'"\ud800"', "lone surrogate"),
        ("1" * 5000, "digits"),
        ("{", "Expecting"),
    ],
)
def test_what_json_does_not_have_is_refused_in_one_line(text, reason):
    with pytest.raises(ValueError, match=reason) as found:
        parse_json(text)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 200


def test_json_is_written_by_the_standard_and_in_one_step(tmp_path):
    path = tmp_path / "file"
    write_json(path, {"a": [float("nan"), 1.5], "b": float("inf")})
    assert read_json(path, DataError, "Look.") == {"a": [None, 1.5], "b": None}
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_writing_follows_no_link(tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("precious")
    for name in ("file", ".file.tmp"):
        (tmp_path / name).symlink_to(mine)
    write_json(tmp_path / "file", {})
    assert mine.read_text() == "precious"
    assert not (tmp_path / "file").is_symlink()


def test_a_relative_path_is_shown_with_its_beginning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert located("a/b") == f"a/b (from {tmp_path})"
    assert located(tmp_path / "a") == str(tmp_path / "a")
    assert located("~/a") == "~/a"
    with pytest.raises(DataError, match=rf"^a/b \(from {tmp_path}\): must be"):
        read_bytes("a/b", DataError, "Look again.")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert located("a/b") == "a/b"
