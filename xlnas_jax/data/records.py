"""Records of TSV, CSV and JSONL files; every fault names its file and line."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from xlnas_jax.types import ConfigError, DataError

Record = tuple[int, dict[str, str]]
_MAX_FIELD = 10_000_000  # csv's own limit, 131072, is shorter than real documents


def read_records(path: str, keep_quotes: bool = False) -> Iterator[Record]:
    """Yield line number and named columns of each row; the suffix is the format.

    Raises:
        ConfigError: the suffix is unknown.
        DataError: the file cannot be read, is not UTF-8, or a row is malformed.
    """
    readers: dict[str, Callable[[str], Iterator[Record]]] = {
        ".tsv": lambda text: _csv_records(text, path, "\t", keep_quotes),
        ".csv": lambda text: _csv_records(text, path, ",", keep_quotes),
        ".jsonl": lambda text: _jsonl_records(text, path),
    }
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        raise ConfigError(
            f"data.path: the suffix must be one of {', '.join(readers)}; got {path!r}. "
            f"Convert or rename the file."
        )
    return readers[suffix](_read_text(path))


def _read_text(path: str) -> str:
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
    text: str, path: str, delimiter: str, keep_quotes: bool
) -> Iterator[Record]:
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if keep_quotes else csv.QUOTE_MINIMAL,
        strict=True,
    )
    header: list[str] | None = None
    line = 1
    try:
        for fields in reader:
            if header is None:
                header = fields
                _require_distinct(header, path)
            elif fields:  # a blank line is no row
                _require_width(fields, header, f"{path}, line {line}")
                yield line, dict(zip(header, fields, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
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


def _require_width(fields: list[str], header: list[str], place: str) -> None:
    if len(fields) != len(header):
        raise DataError(
            f"{place}: every row must have {len(header)} columns ({header}); got "
            f"{len(fields)}. Correct the row: a separator inside a text must be "
            f"quoted or removed."
        )


def _jsonl_records(text: str, path: str) -> Iterator[Record]:
    # Not splitlines(): it would also cut at separators inside a JSON string.
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        place = f"{path}, line {line}"
        try:
            record = json.loads(content)
        except ValueError as error:
            raise DataError(
                f"{place}: every line must be one JSON object; got: {error}. "
                f"Correct the line."
            ) from error
        if not isinstance(record, dict):
            raise DataError(
                f"{place}: every line must be one JSON object; got a "
                f'{type(record).__name__}. Write {{"text": ..., "label": ...}}.'
            )
        # Values that are no text (null, lists) are left out: a missing column.
        yield line, {k: str(v) for k, v in record.items() if isinstance(v, str | int)}
