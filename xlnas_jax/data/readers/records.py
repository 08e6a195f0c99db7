"""Records of TSV, CSV and JSONL files; every fault names its file and line."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.lines import BOM, MAX_LINE, read_text, split_lines
from xlnas_jax.files import parse_json
from xlnas_jax.types import ConfigError, DataError, brief

Record = tuple[int, Mapping[str, object] | None]
MARK = "byte-order mark inside the file, which was removed"
QUOTED = "row with a field between quotes, which were kept (data.keep_quotes)"
SPANNING = "lines of a field that spans lines"
_QUOTED = re.compile(r'".*"')


class Dialect(NamedTuple):
    """How the fields of a line are told apart.

    Attributes:
        has_quotes: a field may stand between quotes, and then hold a delimiter.
        spans_lines: and line ends, too.
        is_known: which of it holds was said, not taken for granted.
    """

    delimiter: str
    has_quotes: bool
    spans_lines: bool = False
    is_known: bool = True


def has_columns(
    record: Mapping[str, object], hints: Mapping[str, str], place: str, faults: Faults
) -> bool:
    """Whether a row has some columns; a fault where it lacks one.

    Args:
        hints: by column, what to do where it is not there.
    """
    for column, hint in hints.items():
        if column not in record:
            faults.reject(
                "missing column",
                f"{place}: column {brief(column)} must be there; got columns "
                f"{brief(list(record))}. {hint}",
            )
            return False
    return True


def read_records(
    path: str,
    keep_quotes: bool | None = None,
    faults: Faults | None = None,
    header: tuple[str, ...] = (),
    suffix: str = "",
    spans_lines: bool = False,
) -> Iterator[Record]:
    """Yield line number and named columns of each row; None for a rejected row.

    Args:
        keep_quotes: quote characters are text; None: in TSV they are, in CSV not.
        header: names of the columns, where the file has none of its own.
        suffix: the format; empty: that of the file's name.
        spans_lines: a quoted field may go on over several lines. Elsewhere it is a
            fault, since a quote that is never meant to close joins rows.

    Raises:
        ConfigError: the suffix is unknown.
        DataError: the file cannot be read, is not UTF-8, or, unless `faults` passes
            over it, a row is malformed.
    """
    faults = Faults() if faults is None else faults
    kind = suffix or Path(path).suffix.lower()
    if kind not in (".tsv", ".csv", ".jsonl"):
        raise ConfigError(
            f"data.path: the suffix must be one of .tsv, .csv, .jsonl; got {path!r}. "
            f"Convert or rename the file."
        )
    lines = _sound_lines(split_lines(read_text(path)), path, faults)
    if kind == ".jsonl":
        return _jsonl_records(lines, path, faults)
    has_quotes = kind == ".csv" if keep_quotes is None else not keep_quotes
    dialect = Dialect(
        delimiter="\t" if kind == ".tsv" else ",",
        has_quotes=has_quotes,
        spans_lines=spans_lines,
        is_known=keep_quotes is not None,
    )
    return _named_records(_rows(lines, path, dialect, faults), path, faults, header)


def _sound_lines(lines: list[str], path: str, faults: Faults) -> list[str | None]:
    """The same lines; None for one that is too long."""
    sound: list[str | None] = []
    for number, line in enumerate(lines, start=1):
        if line.startswith(BOM):  # files that were put one behind another
            faults.note(MARK)
            line = line.removeprefix(BOM)
        is_short = len(line) <= MAX_LINE
        if not is_short:
            faults.reject(
                "line too long",
                f"{path}, line {number}: a line must have at most {MAX_LINE:,} "
                f"characters; got {len(line):,}. Shorten or remove the row.",
            )
        sound.append(line if is_short else None)
    return sound


def _rows(
    lines: list[str | None], path: str, dialect: Dialect, faults: Faults
) -> Iterator[tuple[int, list[str] | None]]:
    """Number of the first line and fields of each row; blank lines are none."""
    csv.field_size_limit(MAX_LINE)  # its own is shorter than real documents
    at = 0
    while at < len(lines):
        line, number = lines[at], at + 1
        at += 1
        if line is None:
            yield number, None
        elif not dialect.has_quotes:
            if line:
                fields = line.split(dialect.delimiter)
                if not dialect.is_known and any(map(_QUOTED.fullmatch, fields)):
                    faults.note(QUOTED)
                yield number, fields
        else:
            fields, size = _quoted(lines, number, path, dialect, faults)
            at += size - 1
            if fields != []:
                yield number, fields


def _quoted(
    lines: list[str | None], number: int, path: str, dialect: Dialect, faults: Faults
) -> tuple[list[str] | None, int]:
    """Fields of the row that begins on a line, and how many lines it has.

    A quote that closes nowhere is the fault of its own line alone.
    """
    given = (f"{lines[at] or ''}\n" for at in range(number - 1, len(lines)))
    reader = csv.reader(given, delimiter=dialect.delimiter, strict=True)
    fields, reason = None, "a quote that does not close"
    try:
        fields = next(reader)
        size = reader.line_num
    except csv.Error as error:
        is_open = "unexpected end of data" in str(error)
        size = 1 if is_open else reader.line_num
        reason = reason if is_open else str(error)
    if size > 1 and not (fields and dialect.spans_lines):
        fields = None
        faults.reject(
            SPANNING,
            f"{path}, lines {number} to {number + size - 1}: every row must stand on "
            f"one line; got a quote on the first that closes on the last. Close it "
            f"where the field ends; write line ends of a text in JSONL; or, if quotes "
            f"are text, set data.keep_quotes.",
            count=size,
        )
    elif fields is None:
        faults.reject(
            "malformed row",
            f"{path}, line {number}: every row must be well-formed; got: {reason}. "
            f"Correct the row, or, if quotes are text, set data.keep_quotes.",
        )
    return fields, size


def _named_records(
    rows: Iterator[tuple[int, list[str] | None]],
    path: str,
    faults: Faults,
    given: tuple[str, ...],
) -> Iterator[Record]:
    header = list(given)
    for number, fields in rows:
        if fields is None and not header:
            raise DataError(
                f"{path}, line {number}: the first line must name the columns; got "
                f"one that is faulty. Correct it."
            )
        if fields is None:
            yield number, None
        elif not header:
            header = fields
            _require_distinct(header, f"{path}, line {number}")
        elif fields == header and not given:
            faults.reject(
                "repeated header",
                f"{path}, line {number}: the names of the columns must stand once; "
                f"got them again. Remove the line.",
            )
            yield number, None
        else:
            yield number, _named(fields, header, f"{path}, line {number}", faults)


def _require_distinct(header: list[str], place: str) -> None:
    repeated = [column for column, n in Counter(header).items() if n > 1]
    if repeated:
        raise DataError(
            f"{place}: every column must have its own name; got "
            f"{brief(sorted(repeated))} more than once in {brief(header)}. Rename or "
            f"remove one."
        )
    if any("\r" in column for column in header):
        raise DataError(
            f"{place}: all lines must end alike; got CR in the names of the columns "
            f"and LF elsewhere. Convert the line ends."
        )


def _named(
    fields: list[str], header: list[str], place: str, faults: Faults
) -> dict[str, object] | None:
    if len(fields) == len(header):
        return dict(zip(header, fields, strict=True))
    faults.reject(
        "wrong number of columns",
        f"{place}: every row must have {len(header)} columns ({brief(header)}); got "
        f"{len(fields)}. Correct the row: a separator inside a text must be removed, "
        f"or, in CSV, quoted.",
    )
    return None


def _jsonl_records(
    lines: list[str | None], path: str, faults: Faults
) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        if line is None:
            yield number, None
        elif line.strip():
            yield number, json_object(line, f"{path}, line {number}", faults)


def json_object(
    line: str, place: str, faults: Faults, form: str = '{"text": ..., "label": ...}'
) -> dict[str, object] | None:
    """The JSON object of a line, or None where it is none.

    Args:
        form: what it should look like, for the message.
    """
    try:
        record = parse_json(line)
    except ValueError as error:
        got = f": {error}"
    else:
        if isinstance(record, dict):
            return record
        got = f" a {type(record).__name__}"
    faults.reject(
        "not a JSON object",
        f"{place}: every line must be one JSON object {form}; got{got}. "
        f"Correct or remove the line.",
    )
    return None
