"""Tables of every architecture of a space, and how to read them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent


def load(path: str | Path) -> dict[str, Any]:
    """The columns of a table by name; see README.md beside it."""
    with np.load(FOLDER / path, allow_pickle=False) as file:
        table: dict[str, Any] = dict(file)
    for name in ("knobs", "cost_model", "provenance"):
        table[name] = json.loads(str(table[name]))
    return table
