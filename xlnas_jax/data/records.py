"""Records of TSV, CSV and JSONL files; every fault names its file and line."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from xlnas_jax.data.faults import Faults
from xlnas_jax.types import ConfigError, DataError

Record = tuple[int, dict[str, str] | None]
_MAX_FIELD = 10_000_000  # csv's own limit, 131072, is shorter than real documents


def read_records(
    path: str,
    keep_quotes: bool = False,
    faults: Faults | None = None,
    header: tuple[str, ...] = (),
    suffix: str = "",
) -> Iterator[Record]:
    """Yield line number and named columns of each row; None for a rejected row.

    Args:
        header: names of the columns, where the file has none of its own.
        suffix: the format; empty: that of the file's name.

    Raises:
        ConfigError: the suffix is unknown.
        DataError: the file cannot be read, is not UTF-8, or, unless `faults` passes
            over it, a row is malformed.
    """
    faults = Faults() if faults is None else faults
    kind = suffix or Path(path).suffix.lower()
    if kind in (".tsv", ".csv"):
        delimiter = "\t" if kind == ".tsv" else ","
        text = read_text(path)
        return _csv_records(text, path, delimiter, keep_quotes, faults, header)
    if kind == ".jsonl":
        return _jsonl_records(read_text(path), path, faults)
    raise ConfigError(
        f"data.path: the suffix must be one of .tsv, .csv, .jsonl; got {path!r}. "
        f"Convert or rename the file."
    )


def read_text(path: str) -> str:
    """The text of a UTF-8 file, without byte-order mark; line ends are kept."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: the file must be readable; got {error.strerror}. "
            f"Check data.path and the permissions."
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: the text must be UTF-8; got byte "
            f"0x{content[error.start]:02x} ({error.reason}). Convert the file, for "
            f"example with iconv -t UTF-8."
        ) from error


def _csv_records(
    text: str,
    path: str,
    delimiter: str,
    keep_quotes: bool,
    faults: Faults,
    given: tuple[str, ...],
) -> Iterator[Record]:
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if keep_quotes else csv.QUOTE_MINIMAL,
        strict=True,
    )
    header = list(given)
    line = 1
    try:
        for fields in reader:
            if not header:
                header = fields
                _require_distinct(header, path)
            elif fields:  # a blank line is no row
                yield line, _named(fields, header, f"{path}, line {line}", faults)
            line = reader.line_num + 1
    except csv.Error as error:
        # Not to be passed over: where the next row begins cannot be known.
        hint = "" if keep_quotes else " If quotes are text, set data.keep_quotes."
        raise DataError(
            f"{path}, line {line}: every row must be well-formed; got: {error}. "
            f"Correct the row.{hint}"
        ) from error


def _require_distinct(header: list[str], path: str) -> None:
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise DataError(
            f"{path}, line 1: every column must have its own name; got "
            f"{repeated} more than once in {header}. Rename or remove one."
        )


def _named(
    fields: list[str], header: list[str], place: str, faults: Faults
) -> dict[str, str] | None:
    if len(fields) == len(header):
        return dict(zip(header, fields, strict=True))
    faults.reject(
        "wrong number of columns",
        f"{place}: every row must have {len(header)} columns ({header}); got "
        f"{len(fields)}. Correct the row: a separator inside a text must be "
        f"quoted or removed.",
    )
    return None


def _jsonl_records(text: str, path: str, faults: Faults) -> Iterator[Record]:
    # Not splitlines(): it would also cut at separators inside a JSON string.
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            yield line, _json_record(content, f"{path}, line {line}", faults)


def _json_record(content: str, place: str, faults: Faults) -> dict[str, str] | None:
    hint = 'Write {"text": ..., "label": ...}.'
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        got, hint = f": {error}", "Correct the line."
    else:
        if isinstance(record, dict):
            # Values that are no text (null, lists) are left out: a missing column.
            return {k: str(v) for k, v in record.items() if isinstance(v, str | int)}
        got = f" a {type(record).__name__}"
    faults.reject(
        "not a JSON object",
        f"{place}: every line must be one JSON object; got{got}. {hint}",
    )
    return None
