"""The directory of a run: what is in it, and who may write it.

Whole files are replaced in one step, so that a kill leaves the old one or the new
one. `front.json` holds what is deterministic; what a clock measured is apart, in
`measured.json`. The front carries a checksum, so that no model card tells of numbers
that are not those that were found.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from xlnas_jax.config.checkpoint import CheckpointConfig
from xlnas_jax.config.config import Config
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.changes import Change, changes
from xlnas_jax.config.reading.file import dump_config, load_as
from xlnas_jax.files import (
    finite,
    kind_of,
    located,
    open_own,
    read_json,
    write_json,
    write_text,
)
from xlnas_jax.storage.events import EVENTS, EventsFile
from xlnas_jax.storage.listing import crc32
from xlnas_jax.storage.logs import RoundLog
from xlnas_jax.storage.metrics import MetricsFile, writing
from xlnas_jax.types import CheckpointError, ConfigError, brief

CONFIG, FRONT, LOCK = "config.yaml", "front.json", ".lock"
METRICS, MEASURED = "metrics.jsonl", "measured.json"
# In the folder of the experiment: see `run.recorded`.
FACTS = "experiment.json"
CHECKPOINTS, EXPERIMENT, MODEL = "checkpoints", "experiment", "model"
CHECKSUM = "crc32"
_FILES = (CONFIG, FRONT, LOCK, METRICS, MEASURED, EVENTS)
_FOLDERS = (CHECKPOINTS, EXPERIMENT, MODEL)
# Written where they are; all others are replaced.
_IN_PLACE = (LOCK, METRICS, EVENTS)
_ADVICE = "Delete it to have it made again."
_MAX_DIFFERENCES = 5
# What a run is of.
AnyConfig = Config | Pretraining
Kind = TypeVar("Kind", bound=AnyConfig)
_ROWS = ", by which rows of training or auxiliary data are passed over"


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
        return self.path / CHECKPOINTS

    @property
    def experiment(self) -> Path:
        """Folder of what the run is made of; see `recorded`."""
        return self.path / EXPERIMENT

    @property
    def model(self) -> Path:
        """Folder of the exported model."""
        return self.path / MODEL

    @property
    def metrics(self) -> MetricsFile:
        """What every round logs."""
        return MetricsFile(self.path / METRICS, self.is_writer)

    @property
    def events(self) -> EventsFile:
        """The same for TensorBoard."""
        return EventsFile(self.path / EVENTS, self.is_writer)

    def log(self, config: CheckpointConfig) -> RoundLog:
        """All that every round is written to."""
        return RoundLog(self.metrics, self.events if config.tensorboard else None)

    def read_front(self) -> dict[str, Any] | None:
        """The result of the search; None while it is not finished."""
        return _read_signed(self.path / FRONT) if self.is_writer else None

    def write_front(self, document: Mapping[str, Any]) -> None:
        """Write the result: from now on the search is finished."""
        if self.is_writer:
            with writing(self.path / FRONT):
                write_json(self.path / FRONT, _signed(document))

    def read_measured(self) -> dict[str, Any]:
        """What a clock measured in this run or, before a kill, in its beginning."""
        path = self.path / MEASURED
        if not self.is_writer or not os.path.lexists(path):
            return {}
        return read_json(path, CheckpointError, _ADVICE, follow=False)

    def merge_measured(self, values: Mapping[str, Any]) -> None:
        """Add measured values, or replace those of the same name."""
        merged = {**self.read_measured(), **values}
        if self.is_writer:
            with writing(self.path / MEASURED):
                write_json(self.path / MEASURED, merged)


@contextlib.contextmanager
def open_run(
    path: str | os.PathLike[str], config: AnyConfig, is_whole: bool = True
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
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        _require_run_or_empty(directory)
        _require_own(directory)
        _require_single(directory)
    with _locked(directory):
        is_new = not (directory / CONFIG).exists()
        if is_new or _goes_on(
            directory, read_config_as(type(config), directory), config, is_whole
        ):
            with writing(directory / CONFIG):
                write_text(directory / CONFIG, dump_config(config))
        yield Run(directory)


@contextlib.contextmanager
def read_run(path: str | os.PathLike[str]) -> Iterator[Run]:
    """The run that `path` holds, to be read alone: nothing in it is changed or made.

    Raises:
        CheckpointError: it holds none, or a process is writing it.
    """
    directory = Path(path)
    _require_own(directory)
    read_config(directory)
    with _shared(directory):
        yield Run(directory)


def look_at(
    path: str | os.PathLike[str], config: Config, is_whole: bool = True
) -> bool:
    """Whether `path` holds a run that would go on; nothing there is touched.

    Raises:
        CheckpointError: as `open_run`, but for what only writing can show.
    """
    directory = Path(path)
    with writing(directory):
        if not directory.exists():
            return False
        _require_run_or_empty(directory)
    if not (directory / CONFIG).exists():
        return False
    _goes_on(directory, read_config(directory), config, is_whole)
    return True


def read_config(path: str | os.PathLike[str]) -> Config:
    """The configuration that the directory of a search holds."""
    return read_config_as(Config, path)


def read_config_as(kind: type[Kind], path: str | os.PathLike[str]) -> Kind:
    """The configuration that a run directory holds, which is to be of some kind."""
    file = Path(path) / CONFIG
    if not file.is_file():
        raise CheckpointError(
            f"{located(path)}: must be the directory of a run; it has no {CONFIG}. "
            "Give the directory that `xlnas search` wrote."
        )
    try:
        return load_as(kind, file)
    except ConfigError as error:
        raise CheckpointError(
            f"{path}: must hold a run of this version of xlnas_jax; {error}"
        ) from error


def read_measured(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a clock measured in a run, which may be going on."""
    read_config(path)  # it is a run
    return Run(Path(path)).read_measured()


def holder(path: str | os.PathLike[str]) -> str:
    """The process that is writing a run, by its own account; "" where none is.

    The lock is asked for and let go at once: a run that begins in this very instant
    would be refused, and may be started again.

    Raises:
        CheckpointError: the lock cannot be read.
    """
    lock = Path(path) / LOCK
    if not os.path.lexists(lock):
        return ""
    try:
        with open_own(lock, os.O_RDONLY) as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _owner(file.fileno())
    except OSError as error:
        raise CheckpointError(
            f"{lock}: must be readable, to know whether the run is being written; "
            f"got: {error.strerror or error}. Ask its owner to let you read it."
        ) from error
    return ""


def _signed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the checksum of what JSON keeps of it."""
    return {**content, CHECKSUM: _checksum(content)}


def _checksum(content: Mapping[str, Any]) -> int:
    text = json.dumps(finite(content), ensure_ascii=False, allow_nan=False)
    return crc32([text.encode()])


def _read_signed(path: Path) -> dict[str, Any] | None:
    """What a file of ours holds, without its checksum; None where there is none."""
    if not os.path.lexists(path):
        return None
    content = read_json(path, CheckpointError, _ADVICE, follow=False)
    signature = content.pop(CHECKSUM, None)
    if type(signature) is not int or signature != _checksum(content):
        raise CheckpointError(
            f"{path}: must be as a search wrote it; its {CHECKSUM} is "
            f"{brief(signature)} and should be another. {_ADVICE}"
        )
    return content


def _require_run_or_empty(directory: Path) -> None:
    leftovers = {LOCK, f".{CONFIG}.tmp"}
    found = sorted({path.name for path in directory.iterdir()} - leftovers)
    if found and CONFIG not in found:
        raise CheckpointError(
            f"{directory}: must be empty or hold a run; it holds {found[0]!r} and no "
            f"{CONFIG}. Use another run directory."
        )


def _require_own(directory: Path) -> None:
    """An error where a name of the run's leads elsewhere, or is of another kind.

    A link would have the user's own files emptied, replaced or deleted.
    """
    for name in (*_FILES, *_FOLDERS):
        path = directory / name
        if not os.path.lexists(path):
            continue
        kind = kind_of(path.lstat().st_mode)
        wanted = "" if name in _FILES else "a directory"
        if kind != wanted:
            raise CheckpointError(
                f"{path}: must be {wanted or 'a regular file'} of the run itself; it "
                f"is {kind or 'a regular file'}. Put a copy in its place, or use "
                f"another run directory."
            )


def _require_single(directory: Path) -> None:
    """An error where writing into a file of the run's would change another's too."""
    for name in _IN_PLACE:
        path = directory / name
        if path.exists() and path.stat().st_nlink > 1:
            raise CheckpointError(
                f"{path}: must be a file of the run's alone; it has another name "
                f"elsewhere (a hard link). Put a copy in its place, or use another "
                f"run directory."
            )


def _goes_on(
    directory: Path, stored: AnyConfig, config: AnyConfig, is_whole: bool
) -> bool:
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
    with contextlib.ExitStack() as stack:
        with writing(directory):
            flags = os.O_RDWR | os.O_CREAT
            file = stack.enter_context(open_own(directory / LOCK, flags))
        _hold(directory, file.fileno(), fcntl.LOCK_EX)
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), f"{os.getpid()}\n".encode(), 0)
        yield


@contextlib.contextmanager
def _shared(directory: Path) -> Iterator[None]:
    """Keep writers out while a run is read; its directory may be read-only."""
    if not (directory / LOCK).exists():
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open_own(directory / LOCK, os.O_RDONLY))
        except OSError as error:
            raise CheckpointError(
                f"{directory / LOCK}: must be readable, to know that nothing is "
                f"writing the run; got: {error.strerror or error}. Ask its owner to "
                f"let you read it, or copy the run."
            ) from error
        _hold(directory, file.fileno(), fcntl.LOCK_SH)
        yield


def _hold(directory: Path, number: int, kind: int) -> None:
    try:
        fcntl.flock(number, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CheckpointError(
            f"{directory}: must be used by one process at a time; process "
            f"{_owner(number)} holds {directory / LOCK}. Wait for it, or use another "
            f"run directory."
        ) from error


def _owner(number: int) -> str:
    """The process that wrote itself into a lock that is held."""
    return os.pread(number, 32, 0).decode(errors="replace").strip() or "unknown"
