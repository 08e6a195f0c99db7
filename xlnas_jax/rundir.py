"""The directory of a run: what is in it, and who may write it.

Whole files are replaced in one step, so that a kill leaves the old one or the new
one. `front.json` holds what is deterministic; what a clock measured is apart, in
`measured.json`.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlnas_jax.config import Config
from xlnas_jax.config_changes import Change, changes
from xlnas_jax.config_file import dump_config, load_config
from xlnas_jax.files import finite, located, write_json, write_text
from xlnas_jax.types import CheckpointError, ConfigError, brief

CONFIG, FRONT, LOCK = "config.yaml", "front.json", ".lock"
_MAX_DIFFERENCES = 5
_ROWS = ", by which rows of training or auxiliary data are passed over"


@dataclass(frozen=True)
class MetricsFile:
    """One JSON object per line, in the order of its `round`."""

    path: Path
    is_writer: bool = True

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a line; it is in the file when this returns."""
        if not self.is_writer:
            return
        with _explained(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(finite(record), ensure_ascii=False) + "\n")

    def truncate(self, round: int) -> None:
        """Drop this round and later ones, and a line that a kill left half written."""
        if not self.is_writer or not self.path.exists():
            return
        lines = self.path.read_bytes().decode("utf-8", "replace").splitlines(True)
        kept = [line for line in lines if _is_before(line, round)]
        if kept != lines:
            with _explained(self.path):
                write_text(self.path, "".join(kept))


@dataclass(frozen=True)
class Run:
    """An open run directory; no other process can open it.

    Attributes:
        is_writer: False in processes that follow the one that opened it: they write
            nothing, and find nothing in it.
    """

    path: Path
    is_writer: bool = True

    @property
    def checkpoints(self) -> Path:
        """Folder of the saved states."""
        return self.path / "checkpoints"

    @property
    def metrics(self) -> MetricsFile:
        """What every round logs."""
        return MetricsFile(self.path / "metrics.jsonl", self.is_writer)

    def read_front(self) -> dict[str, Any] | None:
        """The result of the search; None while it is not finished."""
        return _read_json(self.path / FRONT) if self.is_writer else None

    def write_front(self, document: Mapping[str, Any]) -> None:
        """Write the result: from now on the search is finished."""
        if self.is_writer:
            with _explained(self.path / FRONT):
                write_json(self.path / FRONT, document)

    def read_measured(self) -> dict[str, Any]:
        """What a clock measured in this run or, before a kill, in its beginning."""
        path = self.path / "measured.json"
        return (_read_json(path) if self.is_writer else None) or {}

    def merge_measured(self, values: Mapping[str, Any]) -> None:
        """Add measured values, or replace those of the same name."""
        merged = {**self.read_measured(), **values}
        if self.is_writer:
            with _explained(self.path / "measured.json"):
                write_json(self.path / "measured.json", merged)


@contextlib.contextmanager
def open_run(
    path: str | os.PathLike[str], config: Config, is_whole: bool = True
) -> Iterator[Run]:
    """Create a run, or continue the one that `path` holds.

    Options that its rounds do not look at may be others than they were (see
    `config_changes`); the run remembers them.

    Args:
        is_whole: whether no row of training and auxiliary data is passed over.

    Raises:
        CheckpointError: it holds a run of another configuration, or something
            else, or another process has it open. Nothing in it was changed.
    """
    directory = Path(path)
    with _explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
        _require_run_or_empty(directory)
    with _locked(directory):
        is_new = not (directory / CONFIG).exists()
        if is_new or _goes_on(directory, read_config(directory), config, is_whole):
            with _explained(directory / CONFIG):
                write_text(directory / CONFIG, dump_config(config))
        yield Run(directory)


def look_at(
    path: str | os.PathLike[str], config: Config, is_whole: bool = True
) -> bool:
    """Whether `path` holds a run that would go on; nothing there is touched.

    Raises:
        CheckpointError: as `open_run`, but for what only writing can show.
    """
    directory = Path(path)
    with _explained(directory):
        if not directory.exists():
            return False
        _require_run_or_empty(directory)
    if not (directory / CONFIG).exists():
        return False
    _goes_on(directory, read_config(directory), config, is_whole)
    return True


def read_config(path: str | os.PathLike[str]) -> Config:
    """The configuration that a run directory holds."""
    file = Path(path) / CONFIG
    if not file.is_file():
        raise CheckpointError(
            f"{located(path)}: must be the directory of a run; it has no {CONFIG}. "
            "Give the directory that `xlnas search` wrote."
        )
    try:
        return load_config(file)
    except ConfigError as error:
        raise CheckpointError(
            f"{path}: must hold a run of this version of xlnas_jax; {error}"
        ) from error


def read_measured(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a clock measured in a run, which may be going on."""
    read_config(path)  # it is a run
    return Run(Path(path)).read_measured()


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: must be readable JSON; {error}. Delete it to have it made again."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{path}: must hold a JSON object; got {type(content).__name__}. Delete "
            "it to have it made again."
        )
    return content


def _is_before(line: str, round: int) -> bool:
    """True for a whole line of metrics of an earlier round."""
    try:
        return line.endswith("\n") and json.loads(line)["round"] < round
    except (ValueError, KeyError, TypeError):
        return False


def _require_run_or_empty(directory: Path) -> None:
    leftovers = {LOCK, f".{CONFIG}.tmp"}
    found = sorted({path.name for path in directory.iterdir()} - leftovers)
    if found and CONFIG not in found:
        raise CheckpointError(
            f"{directory}: must be empty or hold a run; it holds {found[0]!r} and no "
            f"{CONFIG}. Use another run directory."
        )


def _goes_on(directory: Path, stored: Config, config: Config, is_whole: bool) -> bool:
    """Whether a run that goes on has options to remember that it did not have.

    Raises:
        CheckpointError: it would not be the same search, or what the options are for
            is done.
    """
    found = changes(stored, config)
    if not found:
        return False
    wrong = [one for one in found if one.touches == "search"]
    wrong += [one for one in found if one.touches == "rows" and not is_whole]
    if wrong:
        raise CheckpointError(
            f"{directory}: holds a different config: {_listed(wrong)}. Use another "
            f"run directory, or the old values to go on."
        )
    is_done = (directory / FRONT).exists()
    late = [one for one in found if one.touches == "end"]
    if late and is_done:
        raise CheckpointError(
            f"{directory}: holds a finished run, and what comes after its last round "
            f"was done by other options: {_listed(late)}. Use the old values, another "
            f"run directory, or `xlnas export` for another network of this one."
        )
    # Where it ran is no part of what it is: an export on one device changes nothing.
    return not is_done and any(not one.path.startswith("devices.") for one in found)


def _listed(found: Sequence[Change]) -> str:
    shown = [
        f"{one.path} was {brief(one.old)} and is now {brief(one.new)}"
        + (_ROWS if one.touches == "rows" else "")
        for one in found[:_MAX_DIFFERENCES]
    ]
    more = f"; and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    return "; ".join(shown) + more


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock; the system releases it if the process is killed."""
    with _explained(directory):
        file = (directory / LOCK).open("a+", encoding="utf-8")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise CheckpointError(
                f"{directory}: must be used by one process at a time; process {owner} "
                f"holds {directory / LOCK}. Wait for it, or use another run directory."
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be written: {error.strerror}. What was saved before is "
            "intact; mend this and run the same command again."
        ) from error
