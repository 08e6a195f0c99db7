"""TSV, CSV and JSONL files with named columns, one per language and split."""

import dataclasses
import glob
from functools import cache
from pathlib import Path

from xlnas_jax.config import TableData
from xlnas_jax.data.examples import Examples, Row, Source, label_set, make_examples
from xlnas_jax.data.patterns import match_languages, require_field, unknown_language
from xlnas_jax.data.records import read_records
from xlnas_jax.languages import Split
from xlnas_jax.types import DataError


def make_table_source(config: TableData, source_language: str) -> Source:
    """Read files by pattern; labels come from the source language's training split.

    Example:
        >>> config = TableData("data/{language}/{split}.tsv", label_column="topic")
    """
    config = _resolve_preset(config)
    require_field(config.path, "{split}")

    @cache
    def forms(split: Split) -> dict[str, str]:
        return _find_languages(config.path, _split_name(config, split))

    def path_of(language: str, split: Split) -> str:
        split_name = _split_name(config, split)
        if language not in forms(split):
            where = config.path.replace("{split}", split_name)
            raise unknown_language(language, forms(split), where)
        return _fill(config.path, forms(split)[language], split_name)

    labels = config.labels or label_set(
        read_rows(path_of(source_language, "train"), config)
    )

    def read(language: str, split: Split) -> Examples:
        path = path_of(language, split)
        return make_examples(read_rows(path, config), labels, language, split, path)

    def languages() -> tuple[str, ...]:
        return tuple(sorted(forms("train").keys() | forms("test").keys()))

    return Source(labels=labels, languages=languages, read=read)


def _resolve_preset(config: TableData) -> TableData:
    if config.preset == "none":
        return config
    if not Path(config.path).expanduser().is_dir():
        raise DataError(
            f"data.path: preset {config.preset!r} needs the folder that holds one "
            f"sub-folder per language, such as eng_Latn; got {config.path!r}, which "
            f"is no folder. Give the folder of the data set."
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


def _find_languages(pattern: str, split: str) -> dict[str, str]:
    expanded = _fill(pattern, "{language}", split)
    parts = expanded.split("{language}")
    wildcard = "*".join(glob.escape(part) for part in parts)
    names = (Path(match).as_posix() for match in glob.glob(wildcard))
    return match_languages(Path(expanded).as_posix(), names)


def read_rows(path: str, config: TableData) -> list[Row]:
    """Rows of one file with the configured columns, or `DataError`."""
    needed = [config.text_column, config.label_column]
    needed += [config.id_column] if config.id_column else []
    rows = []
    for line, record in read_records(path, config.keep_quotes):
        place = f"{path}, line {line}"
        for column in needed:
            if column not in record:
                raise DataError(
                    f"{place}: column {column!r} must be there; got columns "
                    f"{list(record)}. Set data.text_column, data.label_column or "
                    f"data.id_column to a name of this file."
                )
        rows.append(
            Row(
                id=record[config.id_column] if config.id_column else str(len(rows)),
                text=record[config.text_column],
                label=record[config.label_column],
                place=place,
            )
        )
    return rows
