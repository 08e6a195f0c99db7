"""All runs below a folder, newest first."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from xlnas_jax.files import located
from xlnas_jax.storage.rundir import CONFIG, FRONT, LOCK, MEASURED, METRICS
from xlnas_jax.terminal.progress import duration
from xlnas_jax.terminal.text import Grid
from xlnas_jax.types import CheckpointError
from xlnas_jax.watching.states import RunState, look

# Folders below the one that is given, and folders that are looked into at all.
MAX_DEPTH = 6
MAX_FOLDERS = 20_000
# A run has its configuration and its lock from the first instant on; a damaged one
# may lack either.
_OF_A_RUN = {CONFIG, FRONT, LOCK, MEASURED, METRICS}
_LEAST = 2


class Runs(NamedTuple):
    """What was found.

    Attributes:
        is_cut: not every folder was looked into.
    """

    states: list[RunState]
    is_cut: bool


def find_runs(
    folder: Path, max_depth: int = MAX_DEPTH, max_folders: int = MAX_FOLDERS
) -> Runs:
    """Every run in a folder and below it; no link is followed.

    Raises:
        CheckpointError: there is no such folder.
    """
    if not folder.is_dir():
        raise CheckpointError(
            f"{located(folder)}: must be a folder that holds runs; it is none. Give "
            f"the one that `--run-dir` leads into, such as runs."
        )
    states, is_cut = [], False
    for seen, (place, folders, files) in enumerate(os.walk(folder)):
        if seen >= max_folders:
            is_cut = True
            break
        depth = len(Path(place).relative_to(folder).parts)
        if len(_OF_A_RUN & {*files}) >= _LEAST:
            states.append(look(Path(place)))
            folders.clear()  # what is in a run is its own
        elif depth >= max_depth:
            is_cut = is_cut or bool(folders)
            folders.clear()
        else:
            folders.sort()
    return Runs(sorted(states, key=lambda one: (-one.changed, one.path)), is_cut)


def runs_table(runs: Runs, folder: Path) -> Grid:
    """One run a row."""
    rows = [
        (
            str(one.path),
            one.said(),
            ", ".join(one.tasks) or "-",
            "-" if one.best is None else f"{one.objective} {one.best:.4f}",
            f"{one.done}/{one.total}",
            "-" if one.seconds is None else duration(one.seconds),
            _date(one.changed),
        )
        for one in runs.states
    ]
    notes = [f"{one.path}: {one.damage[1]}" for one in runs.states if one.damage[0]]
    if runs.is_cut:
        notes.append(
            f"Not every folder was looked into: at most {MAX_FOLDERS:,}, and "
            f"{MAX_DEPTH} below {folder}."
        )
    headings = ("run", "state", "task", "best auxiliary", "rounds", "time", "changed")
    return Grid(f"Runs in {folder}: {len(rows)}", headings, rows, notes=tuple(notes))


def runs_as_json(states: Sequence[RunState]) -> list[dict[str, Any]]:
    """The same, for programs."""
    return [
        {
            "path": str(one.path),
            "state": one.state,
            "kind": one.kind,
            "tasks": list(one.tasks),
            "rounds": {"done": one.done, "total": one.total},
            "best": None
            if one.best is None
            else {"objective": one.objective, "value": one.best},
            "seconds": one.seconds,
            "changed": _date(one.changed, "seconds"),
            "process": one.process or None,
            "damage": {"file": one.damage[0], "reason": one.damage[1]}
            if one.damage[0]
            else None,
        }
        for one in states
    ]


def _date(seconds: float, digits: str = "minutes") -> str:
    found = datetime.fromtimestamp(seconds, UTC)
    separator = " " if digits == "minutes" else "T"
    return found.isoformat(separator, digits).removesuffix("+00:00") + "Z"
