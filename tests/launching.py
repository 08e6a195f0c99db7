"""Starts commands as several JAX processes of this machine, as a user would."""

import os
import pathlib
import stat
import subprocess
import sys

from tests.conftest import REPOSITORY, device_flags

LOCAL = REPOSITORY / "tools" / "launch" / "local.sh"
TIMEOUT_S = 300


def launch(
    num: int, *arguments: str, devices: int = 1, path: pathlib.Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `local.sh num arguments`, each process with so many devices.

    `path` is where an `xlnas` is looked for first.
    """
    folders = [str(path)] if path else []
    folders += [str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
    return subprocess.run(
        [str(LOCAL), str(num), *arguments],
        env=os.environ
        | {"PATH": os.pathsep.join(folders), "XLA_FLAGS": device_flags(devices)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def stand_in(folder: pathlib.Path, body: str) -> pathlib.Path:
    """A folder with an `xlnas` that runs this Python instead."""
    file = folder / "xlnas"
    file.write_text(f"#!{sys.executable}\n{body}")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return folder
