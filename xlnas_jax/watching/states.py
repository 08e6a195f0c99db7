"""What a run directory holds, seen from outside: how far, how good, whether whole.

Only small files are read, and nothing is waited for: a run may be going on.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from xlnas_jax.config.config import Config
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.files import MAX_BYTES, read_bytes, read_json
from xlnas_jax.pretraining import save
from xlnas_jax.search.learn import num_warm_up
from xlnas_jax.storage.rundir import (
    CONFIG,
    EXPERIMENT,
    FACTS,
    FRONT,
    LOCK,
    MEASURED,
    METRICS,
    MODEL,
    AnyConfig,
    Run,
    holder,
    read_config_as,
)
from xlnas_jax.types import CheckpointError, XlnasError
from xlnas_jax.watching.lines import Lines

State = Literal["running", "finished", "stopped", "damaged"]
Read = TypeVar("Read")
_ADVICE = "Restore it from where it is whole."


@dataclass(frozen=True)
class RunState:
    """A run as it stands.

    Attributes:
        kind: `search` or `pretraining`; "" where its configuration cannot be read.
        done, total: rounds, those of the warm-up included.
        tasks: their kinds, as far as they are known.
        objective: the first one, and `best` its lowest value within all limits: of
            what is exported where finalists were trained.
        seconds: what its last process took; of a run that did not end, from its first
            file to its last, pauses included.
        changed: when something was written last, in seconds since 1970.
        process: that is writing it, as it says itself.
        damage: the file that is not as it was written, and why.
    """

    path: Path
    state: State
    kind: str = ""
    done: int = 0
    total: int = 0
    tasks: tuple[str, ...] = ()
    objective: str = ""
    best: float | None = None
    seconds: float | None = None
    changed: float = 0.0
    process: str = ""
    damage: tuple[str, str] = ("", "")

    def said(self) -> str:
        """The state in words."""
        if self.state == "damaged":
            return f"damaged: {self.damage[0]}"
        if self.state == "finished":
            return "finished"
        how = f"round {self.done} of {self.total}"
        if self.state == "running":
            return f"running, {how}"
        return f"stopped at {how}"


class _Damage(Exception):
    """A file that is not as it was written."""

    def __init__(self, file: str, error: XlnasError) -> None:
        super().__init__(str(error))
        self.file = file


def look(path: Path) -> RunState:
    """How a run stands; a directory that is none counts as damaged."""
    known: dict[str, Any] = {"path": path, "changed": _changed(path)}
    try:
        known["process"] = _read(LOCK, lambda: holder(path))
        config = _read(CONFIG, lambda: _config(path))
        known |= _planned(config)
        records = _read(METRICS, lambda: Lines(path / METRICS).read())
        known["done"] = _done(records, config)
        known |= _best_so_far(records)
        kept = f"{EXPERIMENT}/{FACTS}"
        known["tasks"] = _read(kept, lambda: _tasks(path, config))
        measured = _read(MEASURED, Run(path).read_measured)
        is_done = _read(FRONT, lambda: _ended(path, config, known))
    except _Damage as damage:
        return RunState(
            state="damaged",
            damage=(damage.file, " ".join(str(damage).split())),
            **known,
        )
    known["seconds"] = _seconds(path, measured if is_done else {})
    if known["process"]:
        return RunState(state="running", **known)
    return RunState(state="finished" if is_done else "stopped", **known)


def _read(file: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except XlnasError as error:
        raise _Damage(file, error) from error


def _config(path: Path) -> AnyConfig:
    kind: type[AnyConfig] = Config
    if (path / CONFIG).is_file():
        content = read_bytes(path / CONFIG, CheckpointError, _ADVICE, most=MAX_BYTES)
        kind = Pretraining if b"\npretrain:" in b"\n" + content else Config
    return read_config_as(kind, path)


def _planned(config: AnyConfig) -> dict[str, Any]:
    if isinstance(config, Pretraining):
        rounds = -(-config.pretrain.steps // config.pretrain.every)
        return {"kind": "pretraining", "total": rounds}
    rounds = num_warm_up(config) + config.search.rounds
    objective = config.search.objectives[0]
    return {"kind": "search", "total": rounds, "objective": objective}


def _done(records: list[dict[str, Any]], config: AnyConfig) -> int:
    """Rounds that were logged; a pretraining begins with one that has no steps."""
    if not records:
        return 0
    last = int(records[-1]["round"])
    return last if isinstance(config, Pretraining) else last + 1


def _best_so_far(records: list[dict[str, Any]]) -> dict[str, Any]:
    for record in reversed(records):
        for name, value in record.items():
            if name.startswith("best_") and value is not None:
                return {"best": float(value)}
    return {}


def _tasks(path: Path, config: AnyConfig) -> tuple[str, ...]:
    if isinstance(config, Pretraining):
        return ("pretraining",)
    file = Run(path).experiment / FACTS
    if not os.path.lexists(file):  # it is kept when the first round begins
        return ()
    tasks = read_json(file, CheckpointError, _ADVICE, follow=False).get("tasks")
    try:
        found = [str(task["kind"]) for task in (tasks or {}).values()]
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{file}: must hold the run's tasks; got others. {_ADVICE}"
        ) from error
    return tuple(dict.fromkeys(found))


def _ended(path: Path, config: AnyConfig, known: dict[str, Any]) -> bool:
    """Whether all was done; what was found is added to what is known."""
    if isinstance(config, Pretraining):
        return (path / MODEL / save.FACTS).is_file()
    document = Run(path).read_front()
    if document is None:
        return False
    try:
        known["tasks"] = tuple(
            dict.fromkeys(str(task["kind"]) for task in document["tasks"].values())
        )
        known["best"] = _best(document)
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
        raise CheckpointError(
            f"{path / FRONT}: must hold tasks and points; got others. {_ADVICE}"
        ) from error
    if not (path / MODEL).is_dir():
        raise _Damage(
            MODEL,
            CheckpointError(
                f"{path / MODEL}: must hold the exported model; it is not there. "
                f"`xlnas search` on the same directory exports it again."
            ),
        )
    return True


def _best(document: Mapping[str, Any]) -> float | None:
    objective = document["objectives"][0]
    points = document["points"]
    if "finalists" in document:
        found = document["finalists"]
        points = [found["networks"][found["winner"]]]
    values = [point["objectives"][objective] for point in points]
    return min((float(v) for v in values if v is not None), default=None)


def _seconds(path: Path, measured: Mapping[str, Any]) -> float | None:
    found = measured.get("seconds")
    if isinstance(found, int | float) and math.isfinite(found):
        return float(found)
    times = _times(path)
    return max(times) - min(times) if times else None


def _changed(path: Path) -> float:
    return max(_times(path), default=0.0)


def _times(path: Path) -> list[float]:
    """When each file of a run was written last."""
    found = []
    for name in (CONFIG, METRICS, MEASURED, FRONT):
        try:
            found.append((path / name).lstat().st_mtime)
        except OSError:
            continue
    return found
