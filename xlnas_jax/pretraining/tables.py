"""What the terminal shows of a pretraining: where every language began and ended."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlnas_jax.files import read_json
from xlnas_jax.languages.codes import named
from xlnas_jax.pretraining.save import FACTS
from xlnas_jax.terminal.text import Grid
from xlnas_jax.types import CheckpointError

_MEASURES = {
    "masked_loss": "masked loss",
    "masked_accuracy": "accuracy",
    "pseudo_perplexity": "pseudo-perplexity",
    "p_at_1": "P@1",
}


def curve_table(model: Path) -> Grid:
    """First and last of each measure on held-out text, of the largest network."""
    advice = "Pretrain again in another run directory."
    heldout = read_json(model / FACTS, CheckpointError, advice)["heldout"]
    ends = [heldout[end]["largest"] for end in ("first", "last")]
    measures = [name for name in _MEASURES if name in ends[1]]
    codes = dict.fromkeys(code for name in measures for code in ends[1][name])
    headings = ["language"]
    for name in measures:
        headings += [f"{_MEASURES[name]}, first", "last"]
    rows = [
        [named(code), *(_cell(end, name, code) for name in measures for end in ends)]
        for code in codes
    ]
    return Grid("Held-out text", tuple(headings), rows)


def _cell(end: Mapping[str, Any], name: str, code: str) -> str:
    value = end[name].get(code)
    if value is None:
        return "-"
    if isinstance(value, list):  # of both directions
        value = sum(value) / len(value)
    return f"{value:.3f}" if value < 1000 else f"{value:,.0f}"
