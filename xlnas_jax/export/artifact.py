"""Writing an exported model: all of it, or nothing.

DIR/config.json          what `load` needs to rebuild the network
DIR/architecture.json    the values of every knob, the id, the counted costs
DIR/params/              the weights
DIR/tokenizer.json ...   the tokenizer
DIR/README.md            the model card
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.checkpoint import save_tree
from xlnas_jax.export.card import Card, render_card
from xlnas_jax.export.manifest import FILE, Manifest, is_artifact
from xlnas_jax.export.params import count_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import CheckpointError


def save_artifact(
    directory: str | Path,
    subnet: Subnet,
    *,
    architecture: Mapping[str, Any],
    card: Card,
) -> Path:
    """Writes an exported model, and replaces the one that is there.

    Everything is written beside the destination and renamed into place, so that
    an interrupted export leaves what was there before.

    Args:
        architecture: contents of `architecture.json`; where it has counted
            `costs`, they are held against the weights.

    Returns:
        The absolute path of the artifact.

    Raises:
        CheckpointError: the destination holds something else, or cannot be
            written.
    """
    _check_count(subnet, architecture)
    path = Path(directory).expanduser().resolve()
    _require_replaceable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{path.name}-", dir=path.parent, ignore_cleanup_errors=True
        ) as scratch:
            new = Path(scratch) / "new"
            new.mkdir()
            _write(new, subnet, architecture, card)
            _replace(new, path, Path(scratch) / "old")
    except OSError as error:
        raise CheckpointError(
            f"{path}: the exported model must be written in full; got "
            f"{error.strerror or error}. Nothing there was changed; free space or "
            f"give another directory."
        ) from error
    return path


def _check_count(subnet: Subnet, architecture: Mapping[str, Any]) -> None:
    counted = architecture.get("costs", {}).get("params")
    held = count_params(subnet.weights)
    if counted is not None:
        assert held == counted, f"counted {counted} parameters, exported {held}"


def _require_replaceable(path: Path) -> None:
    """An earlier artifact, an empty directory, or nothing may stand there."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not is_artifact(path):
        raise CheckpointError(
            f"{path}: only an earlier exported model may be replaced; got "
            f"{'a directory' if path.is_dir() else 'a file'} that is none. Give "
            f"another directory, or remove it yourself."
        )


def _write(
    directory: Path, subnet: Subnet, architecture: Mapping[str, Any], card: Card
) -> None:
    manifest = Manifest(
        task=subnet.task,
        labels=subnet.labels,
        shape=subnet.shape,
        layers=subnet.sizes,
        pooling=subnet.pooling,
        max_length=subnet.max_length,
        languages=card.roles,
    )
    save_tree(directory / "params", subnet.weights)
    subnet.tokenizer.save(directory)
    text = json.dumps(architecture, indent=2, ensure_ascii=False, default=_plain)
    for name, content in (
        ("architecture.json", text + "\n"),
        ("README.md", render_card(card, subnet)),
        (FILE, manifest.to_json()),
    ):
        (directory / name).write_text(content, encoding="utf-8")


def _plain(value: Any) -> Any:
    """Numbers of NumPy, which `json` does not know."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _replace(new: Path, path: Path, old: Path) -> None:
    """Puts `new` at `path`; what was there comes back if that fails."""
    if not path.exists():
        os.replace(new, path)
        return
    os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        os.replace(old, path)
        raise
