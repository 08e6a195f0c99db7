"""The door to the disk: how files are opened, read and replaced.

A path may lead to anything: a FIFO is waited for without end, a device never ends,
a link of a run directory leads to the user's own files. So only regular files are
opened, what belongs to us is never followed out of its place, and whole files are
replaced in one step. JSON is read as the standard has it.
"""

import contextlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from xlnas_jax.types import XlnasError

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISLNK, "a link"),
)
# What `<(command)` and standard input are called.
_PIPE = re.compile(r"/dev/(stdin|fd/\d+)|/proc/self/fd/\d+")
# Of JSON and YAML: far above what any of them needs, far below what hurts.
MAX_BYTES = 1 << 28


class NotRegularError(OSError):
    """Something stands there that is no regular file."""


@contextlib.contextmanager
def open_regular(path: str | os.PathLike[str], *, follow: bool) -> Iterator[BinaryIO]:
    """Open a regular file for reading, and wait for nothing.

    Args:
        follow: whether it may be a link to one.

    Raises:
        OSError: it cannot be opened; `NotRegularError` where it is something else.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    if not follow and os.path.islink(path):
        raise NotRegularError(0, "it is a link")
    number = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    with os.fdopen(number, "rb") as file:
        kind = kind_of(os.fstat(number).st_mode)
        if kind:
            raise NotRegularError(0, f"it is {kind}")
        yield file


def located(path: str | os.PathLike[str]) -> str:
    """A path for a message on what is not there: a relative one with its beginning."""
    given = os.fspath(path)
    if os.path.isabs(os.path.expanduser(given)):
        return given
    with contextlib.suppress(OSError):  # the working directory may be gone
        return f"{given} (from {os.getcwd()})"
    return given


@contextlib.contextmanager
def open_given(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open what the user named: a regular file, or a pipe that a shell made.

    A FIFO by another name is refused: whether anything will ever be written to it is
    not known.

    Raises:
        OSError: as `open_regular`.
    """
    if _PIPE.fullmatch(os.fspath(path)):
        with open(path, "rb") as file:
            if kind_of(os.fstat(file.fileno()).st_mode) in ("", "a FIFO"):
                yield file
                return
    with open_regular(path, follow=True) as file:
        yield file


def kind_of(mode: int) -> str:
    """What a file's mode says it is: "" for a regular one, else `a directory` ..."""
    return next((name for is_it, name in _KINDS if is_it(mode)), "")


def read_bytes(
    path: str | os.PathLike[str],
    error: type[XlnasError],
    advice: str,
    *,
    follow: bool = True,
    most: int | None = None,
) -> bytes:
    """All of a regular file.

    Args:
        error: what is raised where it cannot be read.
        advice: the last sentence of that error.
        follow: whether it may be a link to one.
        most: bytes; a larger file is refused before it is read.
    """
    try:
        with open_regular(path, follow=follow) as file:
            size = os.fstat(file.fileno()).st_size
            if most is not None and size > most:
                raise error(
                    f"{path}: must have at most {most:,} bytes; got {size:,}. {advice}"
                )
            return file.read()
    except OSError as found:
        reason = found.strerror or str(found)
        raise error(
            f"{located(path)}: must be a readable file; got: {reason}. {advice}"
        ) from found


def read_text(
    path: str | os.PathLike[str],
    error: type[XlnasError],
    advice: str,
    *,
    follow: bool = True,
    most: int | None = None,
) -> str:
    """All of a UTF-8 file, without byte-order mark; line ends are kept."""
    content = read_bytes(path, error, advice, follow=follow, most=most)
    return _decoded(content, path, error, advice)


def read_given_text(
    path: str | os.PathLike[str],
    error: type[XlnasError],
    advice: str,
    *,
    most: int,
) -> str:
    """As `read_text`, of a file or of a pipe that a shell made for a command.

    Such a pipe is `<(command)`, or standard input by its name.
    """
    try:
        with open_given(path) as file:
            content = file.read(most + 1)
    except OSError as found:
        reason = found.strerror or str(found)
        raise error(
            f"{located(path)}: must be a readable file; got: {reason}. {advice}"
        ) from found
    if len(content) > most:
        raise error(f"{path}: must have at most {most:,} bytes; got more. {advice}")
    return _decoded(content, path, error, advice)


def _decoded(content: bytes, path: Any, error: type[XlnasError], advice: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as found:
        end = b"\n" if b"\n" in content else b"\r"
        line = content[: found.start].count(end) + 1
        raise error(
            f"{path}, line {line}: the text must be UTF-8; got byte "
            f"0x{content[found.start]:02x} ({found.reason}). {advice}"
        ) from found


def read_json(
    path: str | os.PathLike[str],
    error: type[XlnasError],
    advice: str,
    *,
    follow: bool = True,
) -> dict[str, Any]:
    """The JSON object that a file holds."""
    text = read_text(path, error, advice, follow=follow, most=MAX_BYTES)
    try:
        content = parse_json(text)
    except ValueError as found:
        raise error(
            f"{path}: must hold a JSON object; got: {found}. {advice}"
        ) from found
    if not isinstance(content, dict):
        raise error(
            f"{path}: must hold a JSON object; got {type(content).__name__}. {advice}"
        )
    return content


def parse_json(text: str, *, any_string: bool = False, any_number: bool = False) -> Any:
    """A JSON value, by the standard: what Python accepts beside it is refused.

    Args:
        any_string, any_number: leave it to the caller to refuse lone surrogates, or
            NaN and infinities.

    Raises:
        ValueError: in one line, why it is none: malformed, nested beyond all use, a
            number that JSON lacks, a key given twice, a lone surrogate.
    """
    try:
        value = json.loads(
            text,
            parse_constant=None if any_number else _no_number,
            object_pairs_hook=_distinct_keys,
        )
        if "\\u" in text and not any_string:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("it has a lone surrogate, which is no character") from None
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key {twice[:80]!r} is given twice")
    return found


def finite(value: Any) -> Any:
    """The same value with null in place of NaN and infinities, which JSON lacks."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_text(path: Path, text: str) -> None:
    """Replace a file of UTF-8 in one step; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step; it is on the disk when this returns.

    Neither the file nor what stands at the temporary name is followed if it is a
    link.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def append_line(path: Path, line: str) -> None:
    """Add a line to a regular file; it is on the disk when this returns.

    Raises:
        OSError: it cannot be written, or something else stands there.
    """
    with open_own(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def open_own(path: Path, flags: int) -> Iterator[BinaryIO]:
    """Open a file of ours, by flags of `os.open`; no link is followed.

    Raises:
        OSError: it cannot be opened; `NotRegularError` where it is something else.
    """
    if path.is_symlink():
        raise NotRegularError(0, "it is a link")
    flags |= os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    number = os.open(path, flags, 0o666)
    is_read = not flags & (os.O_WRONLY | os.O_RDWR)
    with os.fdopen(number, "rb" if is_read else "wb") as file:
        kind = kind_of(os.fstat(number).st_mode)
        if kind:
            raise NotRegularError(0, f"it is {kind}")
        yield file


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step; numbers that JSON lacks become null."""
    text = json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def sync(path: Path) -> None:
    """Have a file, or the names in a directory, on the disk."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
