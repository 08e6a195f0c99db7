"""What a clock measured is used as it was written, or refused."""

from typing import Any

import pytest

from xlnas_jax.storage.measured import measured
from xlnas_jax.types import CheckpointError

TRIED = {"form": "sliced", "chunk": 1, "candidates_per_second": 2.5, "seconds": [0.1]}
SOUND: dict[str, Any] = {
    "form": {"form": "sliced", "chunk": 1, "device": "cpu", "tried": [TRIED]},
    "precision": {
        "tau": None,
        "candidates": 8,
        "accepted": False,
        "precision": "fp32",
    },
    "latency_ms": {"abc": 1.5, "def": 2},
    "seconds": "read by nobody",
}


def test_what_is_measured_is_accepted() -> None:
    for name in ("form", "precision", "latency_ms"):
        assert measured(SOUND, name) == SOUND[name]
        assert measured({}, name) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("form", 3),
        ("form", {}),
        ("form", {**SOUND["form"], "form": "folded"}),
        ("form", {**SOUND["form"], "chunk": True}),
        ("form", {**SOUND["form"], "tried": [{}]}),
        ("form", {**SOUND["form"], "tried": {}}),
        ("precision", {**SOUND["precision"], "tau": "high"}),
        ("precision", {**SOUND["precision"], "accepted": 1}),
        ("latency_ms", {"abc": None}),
        ("latency_ms", {"abc": 10**400}),
        ("latency_ms", [1.5]),
        ("latency", {"device": "cpu"}),
    ],
)
def test_what_was_never_measured_is_refused(name: str, value: Any) -> None:
    with pytest.raises(CheckpointError, match=rf"{name} must be as .* Delete the"):
        measured({**SOUND, name: value}, name)
