"""The run directory: one configuration, its state, and what it found.

DIR/config.yaml      the resolved configuration; a run never changes it
DIR/metrics.jsonl    one object per round
DIR/checkpoints/     saved states
DIR/measured.json    what a clock measured
DIR/front.json       what the search found; there only when it is finished
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlnas_jax.config import Config
from xlnas_jax.config_file import dump_config, load_config
from xlnas_jax.types import CheckpointError

CONFIG = "config.yaml"
LOCK = ".lock"


def write_text_atomic(path: Path, text: str) -> None:
    """Writes a file so that a reader sees the old text or the new, never half."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CheckpointError(
            f"{path}: could not be written: {error.strerror}. What was there before "
            f"is unchanged; make room or choose another directory, and run again."
        ) from error


def write_json_atomic(path: Path, document: Mapping[str, Any]) -> None:
    """`write_text_atomic` of indented JSON; equal documents give equal bytes."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write_text_atomic(path, text + "\n")


@dataclass(frozen=True)
class MetricsFile:
    """`metrics.jsonl`: appended to round by round."""

    path: Path

    def append(self, line: Mapping[str, Any]) -> None:
        """Adds one object and hands it to the operating system."""
        text = json.dumps(line, ensure_ascii=False) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise CheckpointError(
                f"{self.path}: could not be written: {error.strerror}. The saved "
                f"states are intact; make room and run the same command again."
            ) from error

    def truncate(self, number: int) -> None:
        """Keeps the rounds before `number`: later ones, and a torn line, go."""
        if not self.path.is_file():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                if json.loads(line)["round"] < number:
                    kept.append(line + "\n")
        write_text_atomic(self.path, "".join(kept))


@dataclass(frozen=True)
class Run:
    """An open run directory; this process alone may write it."""

    path: Path
    metrics: MetricsFile

    @property
    def checkpoints(self) -> Path:
        """Where states are saved."""
        return self.path / "checkpoints"

    def read_front(self) -> dict[str, Any] | None:
        """What the finished search found; None before it is finished."""
        return _read_json(self.path / "front.json")

    def write_front(self, document: Mapping[str, Any]) -> None:
        """Ends the run."""
        write_json_atomic(self.path / "front.json", document)

    def merge_measured(self, values: Mapping[str, Any]) -> None:
        """Adds to `measured.json`; what was measured before stays."""
        path = self.path / "measured.json"
        before = _read_json(path) or {}
        write_json_atomic(path, {**values, **before})


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(
            f"{path}: must be JSON; {error}. Delete the file, and the same command "
            f"writes it again."
        ) from error


def read_config(directory: Path) -> Config:
    """The resolved configuration of a run.

    Raises:
        CheckpointError: the directory holds no run.
    """
    path = directory / CONFIG
    if not path.is_file():
        raise CheckpointError(
            f"{directory}: must be a run directory with a {CONFIG}; it has none. "
            f"Give the --run-dir of an earlier `xlnas search`."
        )
    return load_config(path)


@contextlib.contextmanager
def open_run(directory: Path, config: Config) -> Iterator[Run]:
    """Creates a run, or opens the one that holds the same configuration.

    Raises:
        CheckpointError: the directory holds another configuration, something
            else, or a run that another process is writing.
    """
    directory = directory.absolute()
    _require_usable(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / LOCK).open("w")
    except OSError as error:
        raise CheckpointError(
            f"{directory}: could not be created: {error.strerror}. "
            f"Choose another --run-dir."
        ) from error
    with lock:
        try:
            # Released by the kernel when the process ends, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CheckpointError(
                f"{directory}: another process is writing this run. Wait for it, or "
                f"choose another --run-dir."
            ) from error
        path = directory / CONFIG
        if path.is_file():
            _require_same(directory, config)
        else:
            write_text_atomic(path, dump_config(config))
        yield Run(directory, MetricsFile(directory / "metrics.jsonl"))


def _require_usable(directory: Path) -> None:
    """A path that does not exist, is empty, or holds a run."""
    if directory.exists() and not directory.is_dir():
        raise CheckpointError(f"{directory}: must be a directory; it is a file.")
    if not directory.is_dir() or (directory / CONFIG).is_file():
        return
    ours = {LOCK, f".{CONFIG}.tmp"}
    found = sorted(entry.name for entry in directory.iterdir() if entry.name not in ours)
    if found:
        raise CheckpointError(
            f"{directory}: must be empty or hold a run; it has no {CONFIG} but "
            f"{', '.join(found[:3])}. Choose another --run-dir."
        )


def _require_same(directory: Path, config: Config) -> None:
    """The stored configuration equals this one, option by option."""
    stored, given = _flatten(read_config(directory)), _flatten(config)
    names = sorted(stored.keys() | given.keys())
    differences = [
        f"{name} is {stored.get(name)!r} there and {given.get(name)!r} here"
        for name in names
        if stored.get(name) != given.get(name)
    ]
    if differences:
        raise CheckpointError(
            f"{directory}: holds a run with a different config: "
            f"{'; '.join(differences)}. Use the same options to resume it, or "
            f"choose another --run-dir."
        )


def _flatten(config: Config) -> dict[str, Any]:
    """Every option by its dotted path."""
    import yaml

    flat: dict[str, Any] = {}

    def visit(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for name, inner in value.items():
                visit(f"{prefix}.{name}" if prefix else name, inner)
        else:
            flat[prefix] = value

    visit("", yaml.safe_load(dump_config(config)))
    return flat
