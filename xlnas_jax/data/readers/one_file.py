"""One file with texts of several languages: a column says of which each row is."""

import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from xlnas_jax.config.data import FileData
from xlnas_jax.data.examples import (
    Examples,
    Row,
    Source,
    label_set,
    make_examples,
    require_some,
)
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.patterns import unknown_language
from xlnas_jax.data.readers.records import has_columns, read_records
from xlnas_jax.data.readers.values import make_row
from xlnas_jax.data.select import settled
from xlnas_jax.files import located
from xlnas_jax.languages.codes import nearest, normalise
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import ConfigError, brief

_PARTS = 10_000
_HINT = "Set data.{} to a name of this file."


def make_file_source(
    config: FileData, source_language: str, skip: bool = False
) -> Source:
    """Reads a file anew for every language and split; labels are those of the source's.

    Args:
        skip: pass over faulty rows and count them.

    Raises:
        DataError: the file cannot be read, or has no row of the source language.
    """
    path = str(Path(config.path).expanduser())

    @cache
    def spelled() -> Mapping[str, str]:
        """Canonical code of every language, by how the file spells it."""
        return codes_in(path, config, Faults(skip))

    def rows_of(language: str, split: Split, faults: Faults) -> list[Row]:
        if language not in spelled().values():
            raise unknown_language(language, spelled().values(), located(path))
        every = _rows(path, config, faults)
        return [
            row
            for line, record in every
            if spelled().get(str(record[config.language_column])) == language
            and split_of(record, config, f"{path}, line {line}", faults) == split
            for row in _made(record, line, path, config, faults)
        ]

    labels = config.labels
    if not labels:
        rows = rows_of(source_language, "train", Faults(skip))
        require_some(rows, source_language, "train", path)
        labels = label_set(rows)

    def read(language: str, split: Split) -> Examples:
        faults = Faults(skip)
        rows = rows_of(language, split, faults)
        made = make_examples(rows, labels, language, split, path, faults)
        return settled(made, faults)

    return Source(
        labels=labels,
        languages=lambda: tuple(sorted(set(spelled().values()))),
        read=read,
    )


def split_of(
    record: Mapping[str, Any], config: FileData, place: str, faults: Faults
) -> Split | None:
    """The split that a row is in; None, and a fault, where none is named.

    Without a column for it, it is that of its text, as readers see it: neither case nor
    spaces make another one.
    """
    if not config.split_column:
        text = unicodedata.normalize("NFC", str(record[config.text_column])).casefold()
        part = zlib.crc32(" ".join(text.split()).encode("utf-8", "replace")) % _PARTS
        if part < config.test_share * _PARTS:
            return "test"
        tested = config.test_share + config.dev_share
        return "dev" if part < tested * _PARTS else "train"
    names: dict[str, Split] = {
        config.train_split: "train",
        config.dev_split: "dev",
        config.test_split: "test",
    }
    found = names.get(str(record[config.split_column]))
    if found is None:
        faults.reject(
            "unknown split",
            f"{place}: the split must be one of {brief(list(names))}; got "
            f"{brief(record[config.split_column])}. Correct the row, or set "
            f"data.train_split, data.dev_split and data.test_split.",
        )
    return found


def codes_in(path: str, config: FileData, faults: Faults) -> dict[str, str]:
    """Canonical code of every language that is named in the column.

    Raises:
        DataError: unless `faults` passes over it, a row names none.
    """
    found: dict[str, str] = {}
    refused: set[str] = set()
    for line, record in _rows(path, config, faults):
        given = str(record[config.language_column])
        if given in found or given in refused:
            continue
        try:
            found[given] = normalise(given.strip())
        except ConfigError:
            refused.add(given)
            near = ", ".join(nearest(given, _known(found)))
            faults.reject(
                "unknown language",
                f"{path}, line {line}: column {brief(config.language_column)} must "
                f"name a language by its code, such as en, eng or eng_Latn; got "
                f"{brief(given)}. The nearest codes are {near}. Correct the row, or "
                f"set data.language_column.",
            )
    return found


def _known(found: Mapping[str, str]) -> list[str]:
    """Codes to be told of: those of CLDR's own names of languages."""
    from babel import Locale

    english = [str(code) for code in Locale("en").languages]
    return sorted({*found.values(), *(code for code in english if "_" not in code)})


def _rows(
    path: str, config: FileData, faults: Faults
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows that have the columns which say where they belong, with their lines."""
    names = ("language_column", "split_column", "text_column", "label_column")
    hints: dict[str, str] = {}
    for option in (*names, "pair_column", "id_column"):
        if column := getattr(config, option):
            hints.setdefault(column, _HINT.format(option))
    for line, record in read_records(path, config.keep_quotes, faults):
        place = f"{path}, line {line}"
        if record is not None and has_columns(record, hints, place, faults):
            yield line, record


def _made(
    record: Mapping[str, Any], line: int, path: str, config: FileData, faults: Faults
) -> list[Row]:
    """The row, or none; one without an id of its own has its line as its id."""
    columns = {
        "id": config.id_column,
        "text": config.text_column,
        "pair": config.pair_column,
        "label": config.label_column,
    }
    values = {name: record[column] for name, column in columns.items() if column}
    given = {"id": line, **values}
    row = make_row(given, f"{path}, line {line}", faults, config.labels)
    return [] if row is None else [row]
