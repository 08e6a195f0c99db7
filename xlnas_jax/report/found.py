"""What the directories of runs hold, read without touching or locking them."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.changes import changes
from xlnas_jax.config.reading.file import dump_config
from xlnas_jax.files import read_json
from xlnas_jax.results.document import Document
from xlnas_jax.storage.rundir import FACTS, Run, read_config
from xlnas_jax.types import CheckpointError, ConfigError

_ADVICE = "Restore the run's directory, or search again in another one."


@dataclass(frozen=True)
class Found:
    """A run that may be going on.

    Attributes:
        label: its name, another for each run of a report.
        front: None while it is not finished.
        rounds: what was logged, one row a round.
        facts: shape of the encoder, and kind and labels of each task; {} of a run that
            ended before they were known.
    """

    label: str
    path: Path
    config: Config
    front: Document | None
    rounds: list[dict[str, Any]]
    measured: dict[str, Any]
    facts: dict[str, Any]

    @property
    def is_finished(self) -> bool:
        """Whether it has a front."""
        return self.front is not None

    @property
    def logged_front(self) -> list[list[float]]:
        """Objectives of the front after the last round that was logged with one."""
        fronts = (one["front"] for one in reversed(self.rounds) if "front" in one)
        return next(fronts, [])


def read_found(paths: Sequence[str | os.PathLike[str]]) -> list[Found]:
    """The runs in some directories, in this order.

    A process may be writing them: whole files are replaced there, and a line of
    metrics that is not ended is not read.

    Raises:
        CheckpointError: one of them is no run of a search, or a file of it is damaged.
        ConfigError: one is given twice.
    """
    given = [Path(path) for path in paths]
    same = Counter(os.path.realpath(path) for path in given)
    twice = next((p for p in given if same[os.path.realpath(p)] > 1), None)
    if twice is not None:
        raise ConfigError(
            f"report: every run must be given once; got {twice} twice. Leave one out."
        )
    return [
        _read(path, label) for path, label in zip(given, _labels(given), strict=True)
    ]


def _read(path: Path, label: str) -> Found:
    config = read_config(path)
    run = Run(path)
    facts: dict[str, Any] = {}
    if (run.experiment / FACTS).exists():
        facts = read_json(run.experiment / FACTS, CheckpointError, _ADVICE)
    return Found(
        label=label,
        path=path,
        config=config,
        front=run.read_front(),
        rounds=run.metrics.read(is_going_on=True),
        measured=run.read_measured(),
        facts=facts,
    )


def _labels(paths: Sequence[Path]) -> list[str]:
    """Names of the directories, with those above where several are alike."""
    names = [Path(os.path.abspath(path)).parts for path in paths]
    depth = 1
    while len({name[-depth:] for name in names}) < len(names):
        depth += 1
    return ["/".join(name[-depth:]) for name in names]


def groups_of(runs: Sequence[Found]) -> list[int]:
    """The group of each run: those whose configurations differ in the seed alone."""
    known: list[Config] = []
    found = []
    for run in runs:
        same = (n for n, one in enumerate(known) if not differing(one, run.config))
        place = next(same, len(known))
        if place == len(known):
            known.append(run.config)
        found.append(place)
    return found


def differing(one: Config, other: Config) -> list[tuple[str, str, str]]:
    """Options that differ, with both values, the seed and the devices apart."""
    return [
        (found.path, str(found.old), str(found.new))
        for found in changes(one, other)
        if found.path != "seed" and not found.path.startswith("devices.")
    ]


def resolved(run: Found) -> str:
    """The configuration with all its defaults, as YAML."""
    return dump_config(run.config)
