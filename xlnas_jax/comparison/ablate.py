"""An ablation: whole searches, each without one part of the engine.

The exported networks are compared, as a user would have them, on the same test items.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.comparison.cell import described
from xlnas_jax.comparison.kept import (
    FORMAT,
    digest,
    read_cell,
    scored,
    write_cell,
    write_result,
)
from xlnas_jax.comparison.parts import PARTS
from xlnas_jax.comparison.summary import summarise
from xlnas_jax.config.config import Config
from xlnas_jax.data import sources
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.evaluation import score_model
from xlnas_jax.export.point import pick_point
from xlnas_jax.run.run import run_search
from xlnas_jax.storage.rundir import read_run
from xlnas_jax.terminal.report import Reporter
from xlnas_jax.types import ConfigError, brief

# The engine with all of its parts.
WHOLE = "whole"
RUNS = "runs"
Say = Callable[[str], None]


def ablate(
    config: Config, parts: Sequence[str], seeds: int, folder: Path, say: Say
) -> dict[str, Any]:
    """Searches with all parts, and without each, with every seed.

    Killed and started again it goes on, within a search too.

    Args:
        parts: names of `PARTS`; all that the experiment has if none.
        folder: of all run directories, and of what is kept of them.
        say: is told which search begins, and which parts are passed over.

    Raises:
        ConfigError: a part is unknown, or the experiment has none of those named.

    Returns:
        The document that is written, in the form of a comparison's.
    """
    left, skipped = _ladder(config, parts)
    for name, reason in skipped.items():
        say(f"{name}: passed over, {reason}")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in left}
    for number in range(seeds):
        for name, own in left.items():
            seeded = dataclasses.replace(own, seed=config.seed + number)
            cell = f"{name}-s{seeded.seed}"
            kept = read_cell(folder, cell, seeded)
            if kept is None:
                say(f"search {cell}")
                kept = _searched(seeded, folder / RUNS / cell)
                write_cell(folder, cell, kept)
            found[name].append(kept)
    document = {
        "format": FORMAT,
        "seeds": [config.seed + number for number in range(seeds)],
        "parts": {n: PARTS[n].without if n in PARTS else "" for n in found},
        "skipped": skipped,
        "few_shot": _of_few_shot(config),
        "tasks": found[WHOLE][0]["tasks"],
        "summary": summarise(found),
        "encoder_params": {
            name: float(np.mean([one["encoder_params"] for one in cells]))
            for name, cells in found.items()
        },
    }
    write_result(folder, document)
    return document


def _of_few_shot(config: Config) -> list[str]:
    """A line that says it, where what is exported learnt from rows of targets."""
    rows = config.few_shot.rows
    if not rows:
        return []
    return [
        f"Every network learnt from {rows} labelled rows of each target (few_shot): "
        f"no score is a zero-shot one."
    ]


def _ladder(
    config: Config, parts: Sequence[str]
) -> tuple[dict[str, Config], dict[str, str]]:
    """Experiments by the part that they are without, and why others are passed over."""
    for name in parts:
        if name not in PARTS:
            raise ConfigError(
                f"--parts: must be some of {', '.join(PARTS)}; got {brief(name)}."
            )
    prepare(config)
    left, skipped = {WHOLE: config}, {}
    for name in dict.fromkeys(parts or PARTS):
        own = PARTS[name].off(config)
        if own is None:
            skipped[name] = "the experiment is without it"
            continue
        try:
            prepare(own)
        except ConfigError as error:
            skipped[name] = f"the rest makes no sense without it ({error})"
            continue
        left[name] = own
    if len(left) == 1:
        raise ConfigError(
            "--parts: the experiment must have some of them; got "
            f"{', '.join(f'{n} ({why})' for n, why in skipped.items())}. Name others."
        )
    return left, skipped


def _searched(config: Config, folder: Path) -> dict[str, Any]:
    """One search, or the rest of it, and what its exported network scores."""
    document, model = run_search(config, folder)
    experiment = prepare(config)
    point = pick_point(document, experiment.config.export.pick)
    return {
        "config": digest(config),
        "seed": config.seed,
        "tasks": {part.name: described(experiment, part) for part in experiment.parts},
        "languages": _scores(experiment, model),
        "alignment": {"before": {}, "after": {}},
        "probe": {"before": {}, "after": {}},
        "seconds": {"tuning": _seconds(folder), "compilation": None},
        "peak_bytes": None,
        "encoder_params": point["costs"]["encoder_params"],
        "network": point["id"],
    }


def _scores(experiment: Experiment, model: Path) -> dict[str, Any]:
    """Of every column, scores and items of the exported network of its task."""
    found = {}
    for part in experiment.parts:
        folder = model / part.name if len(experiment.parts) > 1 else model
        examples = {
            experiment.column(part, code): sources.read(
                part.source, part.roles, code, "test", "report"
            )
            for code in part.roles.all
        }
        with Reporter() as report:
            scores = score_model(load(folder), examples, report=report)
        found |= {column: scored(one) for column, one in scores.items()}
    return found


def _seconds(folder: Path) -> float | None:
    """How long the search took, its last start alone where it was killed."""
    with read_run(folder) as run:
        return run.read_measured().get("seconds")
