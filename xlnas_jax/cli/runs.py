"""`xlnas runs`: what became of all runs of a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.terminal.text import make_console


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
