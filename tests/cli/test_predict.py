"""What `xlnas predict` opens: files, what a shell makes, and nothing to wait for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xlnas_jax.cli.predict import _opened
from xlnas_jax.types import DataError

READ = """
import sys
from pathlib import Path
from xlnas_jax.cli.predict import _opened
with _opened(Path(sys.argv[1])) as stream:
    sys.stdout.write(stream.read().decode())
"""


def test_what_a_shell_makes_is_read_and_a_named_pipe_refused(tmp_path: Path) -> None:
    command = f"'{sys.executable}' -c '{READ}' <(printf 'one\\ntwo')"
    found = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert found.stdout == "one\ntwo"
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
