"""TSV, CSV and JSONL files with named columns, one per language and split."""

import dataclasses
from functools import cache
from pathlib import Path

from xlnas_jax.config.data import TableData
from xlnas_jax.data.examples import (
    Examples,
    LabelSet,
    Row,
    Source,
    label_set,
    make_examples,
    require_some,
)
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.data.readers.patterns import (
    match_files,
    require_field,
    unknown_language,
)
from xlnas_jax.data.readers.records import has_columns, read_records
from xlnas_jax.data.readers.values import make_row
from xlnas_jax.data.select import settled
from xlnas_jax.data.sets.base import Table
from xlnas_jax.files import located
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import DataError

_COLUMNS = ("id", "text", "pair", "label")


def make_table_source(
    config: TableData, source_language: str, skip: bool = False
) -> Source:
    """Read files by pattern; labels come from the source language's training split.

    Args:
        skip: pass over faulty rows and count them.

    Example:
        >>> config = TableData("data/{language}/{split}.tsv", label_column="topic")
    """
    config = _resolve_preset(config)
    require_field(config.path, "{split}")

    @cache
    def forms(split: Split) -> dict[str, str]:
        return match_files(_fill(config.path, "{language}", _split_name(config, split)))

    def path_of(language: str, split: Split) -> str:
        split_name = _split_name(config, split)
        if language not in forms(split):
            where = located(config.path.replace("{split}", split_name))
            raise NotThereError(str(unknown_language(language, forms(split), where)))
        return _fill(config.path, forms(split)[language], split_name)

    labels = config.labels
    if not labels:
        path = path_of(source_language, "train")
        labels = _seen_labels(path, config, source_language, Faults(skip))

    def read(language: str, split: Split) -> Examples:
        path = path_of(language, split)
        faults = Faults(skip)
        rows = read_rows(path, config, faults)
        made = make_examples(rows, labels, language, split, path, faults)
        return settled(made, faults)

    def languages() -> tuple[str, ...]:
        return tuple(sorted(forms("train").keys() | forms("test").keys()))

    return Source(labels=labels, languages=languages, read=read)


def _seen_labels(
    path: str, config: TableData, language: str, faults: Faults
) -> LabelSet:
    rows = read_rows(path, config, faults)
    require_some(rows, language, "train", path)
    return label_set(rows)


def _resolve_preset(config: TableData) -> TableData:
    if config.preset == "none":
        return config
    if not Path(config.path).expanduser().is_dir():
        raise DataError(
            f"data.path: preset {config.preset!r} needs the folder that holds one "
            f"sub-folder per language, such as eng_Latn; got "
            f"{located(config.path)}, which is no folder. Give the folder of the "
            f"data set."
        )
    return dataclasses.replace(
        config,
        path=f"{config.path.rstrip('/')}/{{language}}/{{split}}.tsv",
        preset="none",
        text_column="text",
        label_column="category",
        id_column="index_id",
        train_split="train",
        dev_split="dev",
        test_split="test",
        keep_quotes=True,
    )


def _split_name(config: TableData, split: Split) -> str:
    names = {
        "train": config.train_split,
        "dev": config.dev_split,
        "test": config.test_split,
    }
    return names[split]


def _fill(pattern: str, language: str, split: str) -> str:
    """Fill in a pattern; other braces in a path are left alone."""
    expanded = str(Path(pattern).expanduser())
    return expanded.replace("{split}", split).replace("{language}", language)


def read_rows(path: str, config: TableData, faults: Faults | None = None) -> list[Row]:
    """Rows of one file with the configured columns, or `DataError`."""
    table = Table(
        text=config.text_column,
        label=config.label_column,
        id=config.id_column,
        pair=config.pair_column,
        keep_quotes=config.keep_quotes,
    )
    hint = (
        "Set data.text_column, data.label_column or data.id_column to a name of this "
        "file."
    )
    faults = faults or Faults()
    return read_table(path, table, faults, hint=hint, known=config.labels)


def read_table(
    path: str,
    table: Table,
    faults: Faults,
    form: str = "",
    hint: str = "Check that the file is the original one of this data set.",
    known: tuple[str, ...] = (),
) -> list[Row]:
    """Rows of one file with the columns of a table.

    A row without an id of its own has its position in the file as its id.

    Args:
        form: of a file that holds several languages, which one.
        hint: what to do where a column is not there.
        known: labels that were declared.

    Raises:
        DataError: the file cannot be read, or, unless `faults` passes over it, a row
            is malformed or lacks a column.
    """
    columns = {name: getattr(table, name) for name in _COLUMNS}
    columns = {name: column for name, column in columns.items() if column}
    needed = [*columns.values(), *([table.language] if table.language else [])]
    hints = dict.fromkeys(needed, hint)
    how = table.header, table.suffix, table.spans_lines
    records = read_records(path, table.keep_quotes, faults, *how)
    rows = []
    for position, (line, record) in enumerate(records):
        place = f"{path}, line {line}"
        if record is None or not has_columns(record, hints, place, faults):
            continue
        if not table.language or record[table.language] == form:
            values = {name: record[column] for name, column in columns.items()}
            row = make_row({"id": position, **values}, place, faults, known)
            rows += [] if row is None else [row]
    return rows
