"""From an exported model to one with fewer pieces."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlnas_jax import files
from xlnas_jax.data.readers.lines import read_texts
from xlnas_jax.data.tokens.trimming.cutting import Text
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.artifact.contents import CARD
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.artifact.manifest import read_manifest
from xlnas_jax.export.params import count_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.trim import ALL, Keep, Trimmed, trim_subnet
from xlnas_jax.export.words import told_rows
from xlnas_jax.space.cost import FLOAT_BYTES
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import CheckpointError

ARCHITECTURE = "architecture.json"


def trim_artifact(
    model: Path,
    out: Path,
    texts: Sequence[Path],
    keep: Keep = ALL,
    report: Report = unheard,
) -> tuple[Path, Trimmed]:
    """Writes an exported model again, with the pieces that the texts use.

    Args:
        texts: plain UTF-8 files, a text or a sentence a line.

    Returns:
        The path of the new model, and what became of its vocabulary.

    Raises:
        CheckpointError: there is no whole model, or the new one cannot be written.
        DataError: a file holds no texts.
        ConfigError: see `trim_subnet`.
    """
    subnet = load(model)
    is_split = subnet.task == "tagging"
    given = {
        # By number: a model does not say where its author keeps files.
        f"texts[{number}]": _read(path, is_split)
        for number, path in enumerate(texts)
    }
    trimmed = trim_subnet(subnet, given, keep, report)
    model = model.expanduser()
    removed = count_params(subnet.weights) - count_params(trimmed.subnet.weights)
    architecture = _without(_architecture(model), removed)
    card = Written(_card(model, trimmed, len(given)), read_manifest(model).languages)
    path = save_artifact(out, trimmed.subnet, architecture=architecture, card=card)
    return path, trimmed


def _read(path: Path, is_split: bool) -> list[Text]:
    lines = read_texts(path)
    return [tuple(line.split()) for line in lines] if is_split else list(lines)


def _architecture(model: Path) -> dict[str, Any]:
    return files.read_json(
        model / ARCHITECTURE, CheckpointError, "Restore the file.", follow=False
    )


def _without(architecture: dict[str, Any], removed: int) -> dict[str, Any]:
    """Its costs without so many parameters."""
    costs = dict(architecture.get("costs", {}))
    for name, amount in (("params", removed), ("memory_bytes", FLOAT_BYTES * removed)):
        if name in costs:
            costs[name] -= amount
    return {**architecture, "costs": costs} if costs else architecture


def _card(model: Path, trimmed: Trimmed, count: int) -> str:
    """What stood there, and what was done since."""
    file = model / CARD
    before = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    compared = trimmed.compared
    name = max(compared, key=lambda one: compared[one].growth)
    growth = 100 * compared[name].growth
    what = f"texts of {count} file{'s' * (count > 1)}"
    return (
        f"{before.rstrip()}\n\n## Vocabulary\n\n"
        f"The vocabulary was trimmed after all this from {trimmed.rows:,} to "
        f"{trimmed.subnet.shape.vocab_size:,} pieces, to those that {what} use most; "
        f"these texts have at most {growth:.1f} % more tokens. Scores and sizes above "
        f"are those of the whole vocabulary: text of other kinds and languages is cut "
        f"into more pieces now, and scores lower.\n{_shared(trimmed.subnet)}"
    )


def _shared(subnet: Subnet) -> str:
    """Which pieces have a row of their own, where not all have."""
    words = subnet.shape.words
    return "" if words is None else f"\n{told_rows(words)}\n"
