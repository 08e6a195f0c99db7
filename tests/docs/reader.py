"""Somebody who does what a page says, block by block, in one folder."""

import contextlib
import copy
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.docs.fences import Block
from tests.experiments import tiny_config
from tests.launching import stand_in
from xlnas_jax.cli.main import run
from xlnas_jax.config.reading.file import parse_config, to_mapping
from xlnas_jax.config.reading.yaml_text import parse_yaml

TIMEOUT_S = 300
# What a shell would make something of.
_SHELL = set("|&;<>$`*")


class Reader:
    """Keeps what pages that go on from each other share.

    Args:
        folder: where commands run. tools: where an `xlnas` is put for the shell.
    """

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder = folder
        self._tools = stand_in_xlnas(tools)
        self._names: dict[str, Any] = {"__name__": "__main__"}

    def do(self, block: Block) -> None:
        """Runs or writes a block, or checks it."""
        with contextlib.chdir(self.folder):
            if block.title:
                Path(block.title).write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                exec(compile(block.text, block.place, "exec"), self._names)
            elif block.language == "yaml":
                check_sections(block.text)
            elif block.language == "bash":
                self._shell(block)
            else:
                raise AssertionError(f"{block.place}: nobody runs {block.language!r}")

    def _shell(self, block: Block) -> None:
        commands = [shlex.split(line) for line in lines_of(block.text)]
        is_ours = all(command[0] == "xlnas" for command in commands)
        if is_ours and not _SHELL & set(block.text):
            # In this process: what was imported and compiled need not be again.
            for command in commands:
                assert run(command[1:]) == 0, f"{block.place}: {shlex.join(command)}"
            return
        script = f"set -euo pipefail\n{block.text}"
        path = [str(self._tools), str(Path(sys.executable).parent), os.environ["PATH"]]
        started = subprocess.Popen(
            ["bash", "-c", script],
            env={
                **os.environ,
                "PATH": os.pathsep.join(path),
                "PYTHONPATH": str(REPOSITORY),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = started.communicate(timeout=TIMEOUT_S)
        finally:
            # What was left running in the background.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
        assert started.returncode == 0, f"{block.place}: {said}"


def lines_of(text: str) -> list[str]:
    """Commands of a block, each whole, comments left out."""
    joined = text.replace("\\\n", " ").splitlines()
    return [line for line in joined if line.strip() and not line.startswith("#")]


def check_sections(text: str) -> None:
    """Whether sections could stand in a configuration, in the place of its own."""
    given = parse_yaml(text)
    assert isinstance(given, dict)
    mapping = copy.deepcopy(to_mapping(tiny_config()))
    for name, section in given.items():
        own = mapping.get(name)
        is_other = isinstance(section, dict) and section.get("kind") not in (
            None,
            own.get("kind") if isinstance(own, dict) else None,
        )
        if isinstance(own, dict) and isinstance(section, dict) and not is_other:
            mapping[name] = {**own, **section}
        else:
            mapping[name] = section
    parse_config(mapping)


def stand_in_xlnas(folder: Path) -> Path:
    """A folder whose `xlnas` is that of this repository."""
    return stand_in(folder, "from xlnas_jax.cli.main import main\nmain()\n")
