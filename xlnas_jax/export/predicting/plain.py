"""Predictions as what JSON can hold."""

import math
from typing import Any


def to_plain(value: Any) -> Any:
    """Tuples with names as objects; what JSON has no number for as null."""
    if isinstance(value, tuple):
        entries = [to_plain(entry) for entry in value]
        names = getattr(value, "_fields", ())
        return dict(zip(names, entries, strict=True)) if names else entries
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
