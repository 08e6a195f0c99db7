"""Writing an exported model: all of it, or nothing.

DIR/config.json          what `load` needs to rebuild the network
DIR/architecture.json    the values of every knob, the id, the counted costs
DIR/params/              the weights
DIR/centers/             means of languages, where vectors are without them
DIR/words/               rows of the word table by piece, where pieces share some
DIR/tokenizer.json ...   the tokenizer
DIR/monitoring.json      what the network makes of texts of its run (`monitored`)
DIR/README.md            the model card
DIR/hf/ ...              the same network in other forms, where asked for (`forms`)
DIR/manifest.json        size and checksum of every file above

A search over several tasks gives one such directory for each, DIR/TASK. The same
network gives the same bytes: nothing says who wrote them, where and when.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xlnas_jax.export.artifact.card import Card, render_card
from xlnas_jax.export.artifact.contents import (
    CARD,
    artifacts_in,
    foreign_files,
    is_artifact,
    write_contents,
)
from xlnas_jax.export.artifact.manifest import CENTERS, FILE, FLOAT, WORDS, Manifest
from xlnas_jax.export.artifact.replace import NEW, put, room_beside
from xlnas_jax.export.forms.registry import (
    require_possible,
    sample_texts,
    write_form,
)
from xlnas_jax.export.monitored import FILE as WATCHED
from xlnas_jax.export.monitored import Reference, to_content
from xlnas_jax.export.params import count_params
from xlnas_jax.export.rounding import narrowed, rounding
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.files import finite
from xlnas_jax.storage.trees import save_tree
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import CheckpointError, brief


class Written(NamedTuple):
    """A model card that is a text already, and the languages by role."""

    text: str
    roles: Mapping[str, Any]


class Artifact(NamedTuple):
    """What makes an exported model.

    Attributes:
        architecture: contents of `architecture.json`; where it has counted
            `costs`, they are held against the weights.
        forms: names of other forms that are written too, each proved.
        reference: what a server holds against what it sees; None where not known.
    """

    subnet: Subnet
    architecture: Mapping[str, Any]
    card: Card | Written
    forms: tuple[str, ...] = ()
    reference: Reference | None = None


def save_artifact(
    directory: str | Path,
    subnet: Subnet,
    *,
    architecture: Mapping[str, Any],
    card: Card | Written,
    forms: tuple[str, ...] = (),
    reference: Reference | None = None,
    report: Report = unheard,
) -> Path:
    """Writes an exported model, and replaces what an earlier export wrote there.

    Everything is written beside the destination, is on the disk and takes its place in
    one step, so that an interrupted export leaves what was there before.

    Args:
        forms, reference: see `Artifact`.
        report: is told how many forms are written.

    Returns:
        The absolute path of the artifact.

    Raises:
        CheckpointError: the destination holds anything that no export wrote, is a
            link, or cannot be written; or another library gives other outputs.
        ConfigError: the network cannot have a form.
    """
    made = Artifact(subnet, architecture, card, forms, reference)
    return _save(directory, {"": made}, report)


def save_artifacts(
    directory: str | Path, artifacts: Mapping[str, Artifact], report: Report = unheard
) -> Path:
    """As `save_artifact`, but several models, each in a directory of its name."""
    return _save(directory, artifacts, report)


def _save(
    directory: str | Path, artifacts: Mapping[str, Artifact], report: Report
) -> Path:
    for one in artifacts.values():
        _check_count(one.subnet, one.architecture)
        require_possible(one.subnet, one.forms)
    path = Path(os.path.abspath(Path(directory).expanduser()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with room_beside(path) as room:
            _require_replaceable(path)
            for name, one in artifacts.items():
                (room / NEW / name).mkdir(parents=True)
                _write(room / NEW / name, one, report)
            # Again: writing takes long enough for a user to add a file.
            _require_replaceable(path)
            put(room, path)
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
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        raise _not_replaceable(path, "a link" if path.is_symlink() else "a file")
    foreign = foreign_files(path)
    if foreign and not is_artifact(path) and not artifacts_in(path):
        raise _not_replaceable(path, "a directory")
    if foreign:
        names = brief(foreign[0])
        if len(foreign) > 1:
            names += f" and {len(foreign) - 1} more"
        raise CheckpointError(
            f"{path}: only files of an earlier exported model may be replaced; got "
            f"{names}, which no export of this version wrote, or which somebody "
            f"edited. Nothing there was changed; move them away, or give another "
            f"directory."
        )


def _not_replaceable(path: Path, what: str) -> CheckpointError:
    return CheckpointError(
        f"{path}: only an earlier exported model may be replaced; got {what} that is "
        f"none. Give another directory, or remove it yourself."
    )


def _write(directory: Path, artifact: Artifact, report: Report) -> None:
    subnet, card = artifact.subnet, artifact.card
    spoken = [
        code
        for codes in card.roles.values()
        for code in ([codes] if isinstance(codes, str) else codes)
    ]
    apart, total = {}, len(artifact.forms)
    for number, name in enumerate(artifact.forms):
        report("writing and proving forms", number, total)
        apart[name] = write_form(subnet, name, directory, spoken)
    report("writing and proving forms", total, total)
    if isinstance(card, Card):
        card = dataclasses.replace(card, forms=apart)
        if subnet.dtype != FLOAT:
            lost = rounding(subnet, sample_texts(spoken))
            card = dataclasses.replace(card, rounding=lost)
    centers, words = subnet.centers, subnet.shape.words
    manifest = Manifest(
        task=subnet.task,
        labels=subnet.labels,
        shape=subnet.shape,
        layers=subnet.weights.sizes,
        pooling=subnet.pooling,
        max_length=subnet.max_length,
        languages=card.roles,
        own_heads=subnet.own_heads,
        doc_stride=subnet.doc_stride,
        max_answer_tokens=subnet.max_answer_tokens,
        centers=centers.codes if centers else (),
        dtype=subnet.dtype,
        word_share=words.shares[0] if words else None,
    )
    save_tree(directory / "params", narrowed(subnet.weights, subnet.dtype))
    if centers and centers.codes:
        save_tree(directory / CENTERS, {"means": centers.means})
    if words:
        save_tree(directory / WORDS, {"rows": words.rows[0]})
    subnet.tokenizer.save(directory)
    for name, content in (
        ("architecture.json", _to_json(artifact.architecture)),
        (CARD, card.text if isinstance(card, Written) else render_card(card, subnet)),
        (FILE, manifest.to_json()),
    ):
        (directory / name).write_text(content, encoding="utf-8")
    if artifact.reference is not None:
        watched = _to_json(to_content(artifact.reference))
        (directory / WATCHED).write_text(watched, encoding="utf-8")
    write_contents(directory)


def _to_json(value: Any) -> str:
    plain = json.loads(json.dumps(value, default=_plain))
    text = json.dumps(finite(plain), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def _plain(value: Any) -> Any:
    """Numbers of NumPy, which `json` does not know."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
