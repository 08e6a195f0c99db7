"""The files of an exported model: `manifest.json` has size and SHA-256 of every one.

What is listed was written by an export, and may be replaced by another; all else in a
directory belongs to its user. The model card is read by people alone: it may be edited,
and then is the user's too.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xlnas_jax.export.artifact.manifest import FILE, FORMAT, KIND, peek
from xlnas_jax.files import MAX_BYTES
from xlnas_jax.storage.listing import (
    Entries,
    damaged,
    list_files,
    parse_entries,
    read_listed_json,
    require_listed,
    sha256_hex,
    sync_below,
    unlisted,
)
from xlnas_jax.types import CheckpointError, DamagedError, brief

LIST = "manifest.json"
LIST_KIND = "xlnas_files"
CARD = "README.md"


def write_contents(directory: Path) -> None:
    """List what was written into a new directory, and have it on the disk."""
    files = list_files(directory, sha256_hex)
    content = {"format": FORMAT, "kind": LIST_KIND, "files": files}
    (directory / LIST).write_text(json.dumps(content, indent=1) + "\n")
    sync_below(directory)


def read_contents(directory: Path) -> Entries:
    """What an exported model must hold.

    Raises:
        CheckpointError: there is none, or one of another format.
    """
    content = _peek_list(directory)
    if content is None:
        _refuse_unlisted(directory)
        raise damaged(directory, f"{LIST} is missing")
    if type(content.get("format")) is not int or content["format"] != FORMAT:
        raise CheckpointError(
            f"{directory / LIST}: format must be {FORMAT}; got "
            f"{brief(content.get('format'))}. Load it with the version of xlnas_jax "
            f"that wrote it, or export it again."
        )
    return parse_entries(content.get("files"), directory)


def require_contents(directory: Path, entries: Entries, names: Iterable[str]) -> None:
    """An error unless those files are as they were written.

    Raises:
        DamagedError: one is not; the card is never looked at.
    """
    for name in names:
        if name not in entries:
            raise damaged(directory, f"{LIST} must list {name}; it does not")
    chosen = {name: entries[name] for name in names if name != CARD}
    require_listed(directory, chosen, sha256_hex)


def require_whole(directory: Path) -> None:
    """An error unless every file of an exported model, or of several, is as written.

    Raises:
        CheckpointError: there is none, or a file of it is missing or another.
    """
    names = artifacts_in(directory) if directory.is_dir() else ()
    for folder in [directory / name for name in names] or [directory]:
        entries = read_contents(folder)
        require_contents(folder, entries, entries)


def is_artifact(directory: Path) -> bool:
    """True for an exported model, also one of another format or a damaged one."""
    try:
        return _peek_list(directory) is not None or _kind(directory) == KIND
    except CheckpointError:
        return False


def artifacts_in(directory: Path) -> tuple[str, ...]:
    """Names of the exported models right below a directory."""
    folders = sorted(
        path for path in directory.iterdir() if path.is_dir() and not path.is_symlink()
    )
    return tuple(folder.name for folder in folders if is_artifact(folder))


def foreign_files(directory: Path) -> list[str]:
    """What lies in a directory and was not written there by an export."""
    content = _peek_list(directory)
    if content is None:
        parts = artifacts_in(directory)
        ours = [name for name in parts if _peek_list(directory / name) is not None]
        found = {path.name for path in directory.iterdir()} - {*ours}
        inside = ((name, foreign_files(directory / name)) for name in ours)
        return sorted([*found, *(f"{one}/{f}" for one, fs in inside for f in fs)])
    entries = parse_entries(content.get("files"), directory)
    found = unlisted(directory, (*entries, LIST))
    return [*found, *([CARD] if _is_edited(directory, entries) else [])]


def _is_edited(directory: Path, entries: Entries) -> bool:
    """True where someone else wrote the model card."""
    if CARD not in entries or not (directory / CARD).exists():
        return False
    try:
        require_listed(directory, {CARD: entries[CARD]}, sha256_hex)
    except DamagedError:
        return True
    return False


def _peek_list(directory: Path) -> dict[str, Any] | None:
    """The list of files, or None where there is none of ours."""
    if not (directory / LIST).is_symlink() and not (directory / LIST).exists():
        return None
    content = read_listed_json(directory, LIST, MAX_BYTES)
    return content if content.get("kind") == LIST_KIND else None


def _kind(directory: Path) -> object:
    content = peek(directory)
    return None if content is None else content.get("kind")


def _refuse_unlisted(directory: Path) -> None:
    """An error where the files were never listed: another format, or no model."""
    content = peek(directory)
    if content is None or content.get("kind") != KIND:
        raise CheckpointError(
            f"{directory}: an exported model must hold {FILE} with kind {KIND!r}; got "
            f"{'no such file' if content is None else 'another'}. Give the directory "
            f"that `xlnas export` or a search wrote."
        )
    if content.get("format") != FORMAT:
        raise CheckpointError(
            f"{directory / FILE}: format must be {FORMAT}; got "
            f"{brief(content.get('format'))}. Load it with the version of xlnas_jax "
            f"that wrote it, or export it again."
        )
