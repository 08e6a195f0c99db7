"""Files by name, with their sizes and checksums: what is read is what was written.

A directory that others may have had in their hands can hold anything: links to
elsewhere, files that never end, more than was written. So every file is known by name
before it is opened, and by its checksum before its content is looked at.
"""

import contextlib
import errno
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from xlnas_jax.files import NotRegularError, kind_of, open_regular, parse_json, sync
from xlnas_jax.types import CheckpointError, DamagedError, brief

_READ_SIZE = 1 << 22
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
Checksum = Callable[[Iterable[bytes]], int | str]


class Entry(NamedTuple):
    """What is known of a file's content; the checksum is a number or hexadecimal."""

    size: int
    checksum: int | str


Entries = Mapping[str, Entry]


def crc32(chunks: Iterable[bytes]) -> int:
    """Finds every accident."""
    checksum = 0
    for chunk in chunks:
        checksum = zlib.crc32(chunk, checksum)
    return checksum


def sha256_hex(chunks: Iterable[bytes]) -> str:
    """Finds every change."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def list_files(directory: Path, checksum: Checksum) -> dict[str, Entry]:
    """Every file below a directory that was just written, by its relative name."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if not path.is_dir():
            name = path.relative_to(directory).as_posix()
            found[name] = _entry(path, checksum)
    return found


def parse_entries(content: Any, directory: Path) -> dict[str, Entry]:
    """Entries by name, as JSON has them: `{name: [size, checksum]}`.

    Raises:
        DamagedError: they are something else, or name a file outside the directory.
    """
    if not isinstance(content, dict):
        raise damaged(directory, f"files must be listed by name; got {brief(content)}")
    found = {}
    for name, entry in content.items():
        if {"", ".", ".."} & {*name.split("/")} or "\0" in name:
            raise damaged(directory, f"it lists {brief(name)}, which is not inside it")
        match entry:
            case [int() as size, int() | str() as checksum] if size >= 0:
                found[name] = Entry(size, checksum)
            case _:
                reason = f"{brief(name)} must have a size and a checksum"
                raise damaged(directory, f"{reason}; got {brief(entry)}")
    return found


def require_listed(directory: Path, entries: Entries, checksum: Checksum) -> None:
    """An error unless every file is there, regular, and as it was written."""
    for name, wanted in entries.items():
        with reading(directory, name):
            size = _inside(directory, name).st_size
            if size != wanted.size:
                must = f"{brief(name)} must have {wanted.size:,} bytes"
                raise damaged(directory, f"{must}; got {size:,}")
            if _entry(directory / name, checksum) != wanted:
                must = "another checksum than when it was written"
                raise damaged(directory, f"{brief(name)} has {must}")


def require_nothing_else(directory: Path, names: Iterable[str]) -> None:
    """An error where something lies there that is not among the names."""
    extra = unlisted(directory, names)
    if extra:
        raise CheckpointError(
            f"{directory}: must hold nothing but the files that were written; got "
            f"{brief(extra[0])} too. Remove it, or copy the directory again."
        )


def unlisted(directory: Path, names: Iterable[str]) -> list[str]:
    """Names of what lies below a directory and is not among them.

    Of folders, those alone that hold nothing.
    """
    known, found = {*names}, []
    known |= {f"{up}/" for name in known for up in PurePosixPath(name).parents}
    with reading(directory, "."):
        for folder, folders, files in os.walk(directory, onerror=_raise):
            links = [name for name in folders if Path(folder, name).is_symlink()]
            place = Path(folder).relative_to(directory)
            found += [(place / one).as_posix() for one in (*files, *links)]
            if not folders and not files and Path(folder) != directory:
                found.append(f"{place.as_posix()}/")
    return sorted({*found} - known)


def read_listed_json(directory: Path, name: str, most: int) -> dict[str, Any]:
    """The JSON object in a file of the directory itself.

    Raises:
        DamagedError: it is missing, larger than `most`, or something else.
    """
    with reading(directory, name):
        size = _inside(directory, name).st_size
        if size > most:
            must = f"{name} must have at most {most:,} bytes"
            raise damaged(directory, f"{must}; got {size:,}")
        with open_regular(directory / name, follow=False) as file:
            content = file.read(most)
    try:
        found = parse_json(content.decode())
    except ValueError as error:
        must = f"{name} must hold a JSON object"
        raise damaged(directory, f"{must}; got: {one_line(error)}") from error
    if not isinstance(found, dict):
        must = f"{name} must hold a JSON object"
        raise damaged(directory, f"{must}; got {type(found).__name__}")
    return found


def damaged(directory: Path, reason: str) -> DamagedError:
    """The error that says how a directory differs from what was written."""
    return DamagedError(
        f"{directory}: is damaged: {reason}. Copy it again from where it is whole, or "
        f"write it anew."
    )


def one_line(error: Exception) -> str:
    """What an error of any library says, short enough for a sentence."""
    reason = error.strerror if isinstance(error, OSError) else None
    return " ".join((reason or str(error)).split())[:300] or type(error).__name__


def sync_below(directory: Path) -> None:
    """Have every file and name below a directory of ours on the disk."""
    for path in (*directory.rglob("*"), directory):
        sync(path)


@contextlib.contextmanager
def reading(directory: Path, name: str) -> Iterator[None]:
    """Tell what is not there any more from what cannot be read for now."""
    try:
        yield
    except NotRegularError as error:
        reason = f"{brief(name)} must be a regular file; {error.strerror}"
        raise damaged(directory, reason) from error
    except OSError as error:
        if error.errno in _GONE:
            raise damaged(directory, f"{brief(name)} is missing") from error
        raise CheckpointError(
            f"{directory}: {brief(name)} must be readable; got: "
            f"{one_line(error)}. See to its rights and its disk; nothing was "
            f"changed."
        ) from error


def _inside(directory: Path, name: str) -> os.stat_result:
    """The state of a regular file, to which no link leads out of the directory."""
    *folders, last = name.split("/")
    path = directory
    for folder in folders:
        path /= folder
        if path.is_symlink():
            raise NotRegularError(0, f"a link leads to it: {path.name}")
    state = (path / last).lstat()
    if kind := kind_of(state.st_mode):
        raise NotRegularError(0, f"it is {kind}")
    return state


def _entry(path: Path, checksum: Checksum) -> Entry:
    with open_regular(path, follow=False) as file:
        size = os.fstat(file.fileno()).st_size
        return Entry(size, checksum(iter(lambda: file.read(_READ_SIZE), b"")))


def _raise(error: OSError) -> None:
    raise error
