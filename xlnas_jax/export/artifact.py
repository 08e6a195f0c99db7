"""Writing an exported model: all of it, or nothing.

DIR/config.json          what `load` needs to rebuild the network
DIR/architecture.json    the values of every knob, the id, the counted costs
DIR/params/              the weights
DIR/tokenizer.json ...   the tokenizer
DIR/README.md            the model card

A search over several tasks gives one such directory for each, DIR/TASK.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xlnas_jax.checkpoint import save_tree
from xlnas_jax.export.card import Card, render_card
from xlnas_jax.export.manifest import FILE, Manifest, artifacts_in, is_artifact
from xlnas_jax.export.params import count_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import CheckpointError


class Artifact(NamedTuple):
    """What makes an exported model.

    Attributes:
        architecture: contents of `architecture.json`; where it has counted
            `costs`, they are held against the weights.
    """

    subnet: Subnet
    architecture: Mapping[str, Any]
    card: Card


def save_artifact(
    directory: str | Path,
    subnet: Subnet,
    *,
    architecture: Mapping[str, Any],
    card: Card,
) -> Path:
    """Writes an exported model, and replaces what an earlier export wrote there.

    Everything is written beside the destination and renamed into place, so that
    an interrupted export leaves what was there before.

    Returns:
        The absolute path of the artifact.

    Raises:
        CheckpointError: the destination holds something else, or cannot be
            written.
    """
    return _save(directory, {"": Artifact(subnet, architecture, card)})


def save_artifacts(directory: str | Path, artifacts: Mapping[str, Artifact]) -> Path:
    """As `save_artifact`, but several models, each in a directory of its name."""
    return _save(directory, artifacts)


def _save(directory: str | Path, artifacts: Mapping[str, Artifact]) -> Path:
    for one in artifacts.values():
        _check_count(one.subnet, one.architecture)
    path = Path(directory).expanduser().resolve()
    _require_replaceable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{path.name}-", dir=path.parent, ignore_cleanup_errors=True
        ) as scratch:
            new = Path(scratch) / "new"
            for name, one in artifacts.items():
                (new / name).mkdir(parents=True)
                _write(new / name, one.subnet, one.architecture, one.card)
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
    """An earlier export, an empty directory, or nothing may stand there."""
    if not path.exists() or is_artifact(path):
        return
    if not path.is_dir() or len(artifacts_in(path)) < len(list(path.iterdir())):
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
        own_heads=subnet.own_heads,
        doc_stride=subnet.doc_stride,
        max_answer_tokens=subnet.max_answer_tokens,
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
