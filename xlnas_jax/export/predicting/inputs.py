"""Lines to predict: read one after another, within bounds, some at a time."""

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from xlnas_jax.data.readers.lines import BOM, MAX_LINE
from xlnas_jax.files import parse_json
from xlnas_jax.types import DataError, brief

Texts = tuple[str, ...]
Reader = Callable[[str, str], Texts | None]
"""From a line and its place to what is predicted for it; None: nothing."""
CHUNK = 256
# In characters: a chunk is closed when it has so many, however few its lines.
CHUNK_SIZE = 1 << 20
_PIECE = 1 << 16
ASKED = '{"question": ..., "context": ...}'
KEYS = ("question", "context")


@runtime_checkable
class Stream(Protocol):
    """What bytes come from, in time."""

    def readline(self, size: int, /) -> bytes:
        """A line with its end, or so many bytes of it."""
        ...

    def read(self, size: int, /) -> bytes:
        """So many bytes, or those that there are."""
        ...


def read_inputs(stream: Stream, name: str, read: Reader) -> Iterator[list[Texts]]:
    """What to predict, some hundred lines at a time.

    What stands before a line that cannot be read is given out before that raises.

    Args:
        name: of the stream, for messages.

    Raises:
        DataError: a line is too long, not UTF-8, or not what `read` takes.
    """
    found: list[Texts] = []
    size = 0
    fault = None
    try:
        for number, line in read_lines(stream, name):
            texts = read(line, f"{name}, line {number}")
            if texts is not None:
                found.append(texts)
                size += len(line)
            if len(found) == CHUNK or size > CHUNK_SIZE:
                yield found
                found, size = [], 0
    except DataError as error:
        fault = error
    if found:
        yield found
    if fault is not None:
        raise fault


def read_lines(stream: Stream, name: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line; no more than one is held at a time.

    Lines end with LF or CRLF; with CR alone, if the stream begins so and no LF comes
    within the longest line there may be.

    Raises:
        DataError: a line is longer than `MAX_LINE` bytes or not UTF-8.
    """
    for number, raw in enumerate(_raw_lines(stream), start=1):
        if len(raw) > MAX_LINE:
            raise DataError(
                f"{name}, line {number}: a line must have at most {MAX_LINE:,} bytes; "
                f"got more. Cut or divide it."
            )
        try:
            line = raw.decode("utf-8").removeprefix(BOM)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: must be UTF-8; byte {error.start} is not. "
                f"Convert the file first, for instance with iconv."
            ) from error
        yield number, line


def _raw_lines(stream: Stream) -> Iterator[bytes]:
    """Lines without their ends; one beyond the bound is cut, and the last."""
    raw = stream.readline(MAX_LINE + 2)  # with room for its end
    if b"\r" in raw.rstrip(b"\r\n") and not raw.endswith(b"\n"):
        yield from _ended_by_cr(raw, stream)
        return
    while raw:
        line = raw.rstrip(b"\r\n")
        yield line
        if len(line) > MAX_LINE:
            return
        raw = stream.readline(MAX_LINE + 2)


def _ended_by_cr(rest: bytes, stream: Stream) -> Iterator[bytes]:
    while len(rest) <= MAX_LINE or b"\r" in rest:
        *lines, rest = rest.split(b"\r")
        yield from lines
        piece = stream.read(_PIECE)
        if not piece:
            break
        rest += piece
    if rest:
        yield rest


def read_text(line: str, place: str) -> Texts:
    """The line as it is."""
    return (line,)


def read_question(line: str, place: str) -> Texts | None:
    """Question and context of a line, both with some text; a blank one has none."""
    if not line.strip():
        return None
    try:
        found = parse_json(line)
    except ValueError as error:
        raise DataError(
            f"{place}: must be a JSON object {ASKED}; got: {error}. Correct the line."
        ) from error
    values = [found.get(k) if isinstance(found, dict) else None for k in KEYS]
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    if len(texts) < len(KEYS):
        raise DataError(
            f"{place}: must be a JSON object {ASKED} with a text in both; got "
            f"{brief(line)}. Correct or remove the line."
        )
    return tuple(texts)


def read_pair(line: str, place: str) -> Texts:
    """The two texts of a line."""
    first, tab, second = line.partition("\t")
    if not tab:
        raise DataError(
            f"{place}: must be two texts with a tab between; got no tab in "
            f"{brief(line)}. Correct the line, or leave --pairs out."
        )
    return first, second
