"""What `xlnas predict` opens: files, what a shell makes, and nothing to wait for."""

import os
from pathlib import Path

import pytest

from xlnas_jax.cli.models.predict import _opened
from xlnas_jax.types import DataError


def test_what_a_shell_makes_is_read_and_a_named_pipe_refused(tmp_path: Path) -> None:
    # As `<(...)` of a shell: one end of a pipe, by the name of its descriptor.
    ours, theirs = os.pipe()
    with open(ours, "rb"):
        with open(theirs, "wb") as said:
            said.write(b"one\ntwo")
        with _opened(Path(f"/dev/fd/{ours}")) as stream:
            assert stream.read() == b"one\ntwo"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "link", ".", "none"):
        with (
            pytest.raises(DataError, match=r"must be a readable file; got: "),
            _opened(tmp_path / name),
        ):
            pass


def test_a_link_to_a_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one")
    (tmp_path / "link").symlink_to(tmp_path / "text")
    with _opened(tmp_path / "link") as stream:
        assert stream.read() == b"one"
