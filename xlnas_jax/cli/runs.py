"""`xlnas runs` and `xlnas watch`: all runs of a folder, and one as it goes."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.terminal.text import make_console
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class Runs:
    """List the runs in a folder and below it, the one that changed last first.

    A run is running (a process holds it), finished, stopped (the same command resumes
    it), or damaged, and then it is said which file. Nothing is changed.

    Attributes:
        folder: where to look.
        json: print one JSON array instead of a table.
    """

    folder: Annotated[Path, tyro.conf.Positional] = Path("runs")
    json: bool = False

    def run(self) -> None:
        """Prints state, task, best auxiliary score, rounds and time of each."""
        from xlnas_jax.watching.folder import find_runs, runs_as_json, runs_table

        found = find_runs(self.folder)
        if self.json:
            text = runs_as_json(found.states)
            print(json.dumps(text, ensure_ascii=False, allow_nan=False))
        else:
            make_console().print(runs_table(found, self.folder))


@dataclass(frozen=True)
class Watch:
    """Follow a run: rounds, time left, losses, what was rejected, hypervolume, front.

    On a terminal it is shown in place, elsewhere a line a round. It ends with the run,
    or by Ctrl-C, and never touches the run.

    Attributes:
        run_dir: the directory that `xlnas search` or `xlnas pretrain` writes.
        once: show how it stands, and end.
        every: seconds after which it is looked at again.
    """

    run_dir: Annotated[Path, tyro.conf.Positional]
    once: bool = False
    every: float = 2.0

    def run(self) -> None:
        """Shows the run until it ends."""
        if not 0.1 <= self.every <= 3600:
            raise ConfigError(
                f"--every: must be between 0.1 and 3600 seconds; got {self.every}."
            )
        from xlnas_jax.watching.follow import watch

        # An interrupt ends the watching, which is all that it was asked to.
        with contextlib.suppress(KeyboardInterrupt):
            watch(self.run_dir, make_console(), self.once, self.every)
