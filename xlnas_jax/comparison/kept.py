"""What a comparison keeps: a file for every cell that is done, and a result."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.file import dump_config
from xlnas_jax.files import read_json, write_json
from xlnas_jax.results.scoring import Scores
from xlnas_jax.types import CheckpointError

CELLS, RESULT = "cells", "comparison.json"
FORMAT = 1


def digest(config: Config) -> str:
    """What a kept cell is known by: all options that it was made with."""
    return hashlib.sha256(dump_config(config).encode()).hexdigest()[:16]


def scored(scores: Scores) -> dict[str, Any]:
    """One language's scores, with the statistics of every test item."""
    return {
        "metrics": scores.metrics,
        "ids": list(scores.ids),
        "items": np.asarray(scores.items).tolist(),
    }


def write_cell(folder: Path, name: str, cell: dict[str, Any]) -> None:
    """All of it, or nothing."""
    file = folder / CELLS / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, cell)


def read_cell(folder: Path, name: str, config: Config) -> dict[str, Any] | None:
    """A cell that was run before; None where there is none.

    Raises:
        CheckpointError: it was run with other options.
    """
    file = folder / CELLS / f"{name}.json"
    if not file.exists():
        return None
    found = read_json(file, CheckpointError, "Delete it to have it run again.")
    if found.get("config") != digest(config):
        raise CheckpointError(
            f"{file}: was run with other options than are given now. Give the same "
            f"configuration and number of steps, or another --out."
        )
    return found


def write_result(folder: Path, document: dict[str, Any]) -> None:
    """What all cells say together."""
    write_json(folder / RESULT, document)
