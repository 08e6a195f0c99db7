"""What `measured.json` may hold: a clock's numbers, by which a resumed run goes on.

It may be copied to another run, which then measures nothing: so it carries no checksum
as `front.json` does, and is held against its form.
"""

import math
from collections.abc import Mapping
from typing import Any

from xlnas_jax.types import CheckpointError, brief

_COUNT, _NUMBER, _TEXT, _FLAG = "a count", "a number", "a text", "true or false"
_FORM, _PRECISION = ("sliced", "masked"), ("bf16", "fp32")
# By key; a list holds any number of such values, `*` stands for any key, None for
# a value that may be missing. What is not named is read by nobody.
_FORMS: Mapping[str, Any] = {
    "form": {
        "device": _TEXT,
        "form": _FORM,
        "chunk": _COUNT,
        "tried": [{"form": _FORM, "chunk": _COUNT, "candidates_per_second": _NUMBER}],
    },
    "precision": {
        "tau": (None, _NUMBER),
        "candidates": _COUNT,
        "accepted": _FLAG,
        "precision": _PRECISION,
    },
    "latency": {
        "device": _TEXT,
        "batch_size": _COUNT,
        "length": _COUNT,
        "mape": _NUMBER,
        "tau": (None, _NUMBER),
        "margin": _NUMBER,
        "is_trusted": _FLAG,
        "table": {"*": [_COUNT]},
    },
    "latency_ms": {"*": _NUMBER},
}


def measured(content: Mapping[str, Any], name: str) -> Any:
    """What a run holds of one measurement; None where it was never made.

    Args:
        content: of `measured.json`.

    Raises:
        CheckpointError: something stands there that no search wrote.
    """
    value = content.get(name)
    if name in content and not _fits(value, _FORMS[name]):
        raise CheckpointError(
            f"measured.json: {name} must be as a search wrote it; got {brief(value)}. "
            f"Delete the file in the run's directory to have it made again."
        )
    return value


def _fits(value: Any, form: Any) -> bool:
    if form is None:
        return value is None
    if isinstance(form, tuple):
        return any(_fits(value, one) or value == one for one in form)
    if isinstance(form, list):
        return isinstance(value, list) and all(_fits(one, form[0]) for one in value)
    if isinstance(form, Mapping):
        if not isinstance(value, dict):
            return False
        if "*" in form:
            return all(_fits(one, form["*"]) for one in value.values())
        return all(key in value and _fits(value[key], form[key]) for key in form)
    return _is(value, form)


def _is(value: Any, form: str) -> bool:
    """Whether it is such a plain value; no flag is a number, as in JSON."""
    is_number = type(value) in (int, float) and abs(value) < 2.0**62
    if form == _NUMBER:
        return is_number and math.isfinite(value)
    if form == _COUNT:
        return is_number and type(value) is int and value >= 0
    return type(value) is {_TEXT: str, _FLAG: bool}.get(form)
