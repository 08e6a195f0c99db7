"""What a data file holds: kind of task, columns, languages, rows of each split."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xlnas_jax.config.data import FileData
from xlnas_jax.data.readers.columns import read_columns
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.layout import find_files
from xlnas_jax.data.readers.one_file import codes_in, split_of
from xlnas_jax.data.readers.patterns import match_files
from xlnas_jax.data.readers.records import read_records
from xlnas_jax.data.sets.base import Columns as TaggedColumns
from xlnas_jax.data.sets.registry import all_sets
from xlnas_jax.files import located
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import ConfigError, DataError, brief

Rows = Mapping[str, Mapping[Split, int]]
Record = Mapping[str, Any]
TABLES = (".tsv", ".csv", ".jsonl")
TAGGED = (".conll", ".conllu", ".txt")
SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "dev": ("dev", "validation", "valid", "val", "development"),
    "test": ("test", "testing"),
}
# What a column is called, in the order in which it is looked for.
_NAMES = {
    "language": ("language", "lang", "language_code", "lang_code", "locale", "iso"),
    "split": ("split", "set", "fold", "partition", "subset"),
    "label": ("label", "category", "class", "topic", "sentiment", "intent", "target"),
    "text": ("text", "sentence", "sentence1", "premise", "review", "content", "tweet"),
    "pair": ("sentence2", "hypothesis", "text2", "text_pair", "pair"),
}
# Of a column that is called otherwise: languages and labels that it may have.
_MANY_LANGUAGES, _MANY_LABELS = 300, 50
_CODE = re.compile(r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]+)*")


@dataclass(frozen=True)
class Columns:
    """Names of columns of a table; empty: to be found out, or not there."""

    language: str = ""
    split: str = ""
    text: str = ""
    label: str = ""
    pair: str = ""


@dataclass(frozen=True)
class Seen:
    """What was found out of a data file, or of several.

    Attributes:
        data: the section `data` of a configuration.
        task: its kind.
        labels: distinct ones, sorted; of tagging, tags.
        rows: by canonical code and split.
        notes: what was taken for what, a line each.
    """

    data: Mapping[str, Any]
    task: str
    labels: tuple[str, ...]
    rows: Rows
    notes: tuple[str, ...] = field(default=())


def look_at(path: str, given: Columns) -> Seen:
    """What lies there: one table, tables by pattern, or CoNLL files of a folder.

    Args:
        given: columns that need not be found out.

    Raises:
        DataError: nothing that can be read is there, or it has one label alone.
    """
    place = Path(path).expanduser()
    if "{language}" in path and place.suffix in TABLES:
        seen = _by_pattern(path, given)
    elif place.is_dir() or place.suffix in TAGGED or "{language}" in path:
        seen = _tagged(path)
    else:
        seen = _one_file(path, given)
    if len(seen.labels) < 2:
        raise DataError(
            f"{path}: texts must be of at least two classes; got {list(seen.labels)} "
            f"in {brief(seen.data.get('label_column', 'its tags'))}. Name another "
            f"column by --label-column."
        )
    return seen


def _one_file(path: str, given: Columns) -> Seen:
    if not Path(path).expanduser().exists():
        raise DataError(
            f"--data: {located(path)}: must be a file with labelled texts; there is "
            f"none. Give a .tsv, .csv or .jsonl file, a pattern such as "
            f"'data/{{language}}/{{split}}.tsv', or a folder with CoNLL files."
        )
    records, passed = _records(path)
    columns = find_columns(path, records, given)
    if not columns.language:
        raise DataError(
            f"{path}: a column must hold codes of languages, such as en or eng_Latn; "
            f"got columns {brief(list(records[0]))}, and no such codes. Name it by "
            f"--language-column, or give one file for each language and split by a "
            f"pattern such as 'data/{{language}}/{{split}}.tsv'."
        )
    names = _names_of_splits(records, columns.split)
    options: dict[str, Any] = {
        "path": path,
        "language_column": columns.language,
        "text_column": columns.text,
        "label_column": columns.label,
    }
    if columns.pair:
        options["pair_column"] = columns.pair
    if names:
        options["split_column"] = columns.split
        options |= {f"{split}_split": name for split, name in names.items()}
    config, faults = FileData(**options), Faults(skip=True)
    codes = codes_in(str(Path(path).expanduser()), config, Faults())
    rows: dict[str, Counter[Split]] = {}
    for record in records:
        split = split_of(record, config, path, faults)
        if split is not None:
            code = codes[str(record[columns.language])]
            rows.setdefault(code, Counter())[split] += 1
    notes = _notes(columns, passed)
    if names:
        notes.append(f"splits are those of the column {columns.split!r}")
    else:
        notes.append(
            f"no column has all three splits: a hash of each text decides, "
            f"{config.dev_share:.0%} to dev and {config.test_share:.0%} to test; equal "
            f"texts are in one split"
        )
    labels = _labels(records, columns.label)
    data = {"kind": "file", **options}
    return Seen(data, "classification", labels, rows, tuple(notes))


def _by_pattern(path: str, given: Columns) -> Seen:
    """One table for each language and split."""
    files: dict[Split, tuple[str, dict[str, str]]] = {}
    for split, names in SPLITS.items():
        there = [(name, found) for name in names if (found := _files(path, name))]
        files |= {split: there[0]} if there else {}
    missing: list[Split] = [split for split in SPLITS if split not in files]
    if missing:
        raise DataError(
            f"--data: {located(path)}: must match files of every split; got none of "
            f"{' and '.join(missing)}. Call them {' or '.join(SPLITS[missing[0]])}."
        )
    rows: dict[str, Counter[Split]] = {}
    labels: set[str] = set()
    columns, passed = given, 0
    for split, (name, forms) in files.items():
        for code, form in forms.items():
            file = path.replace("{split}", name).replace("{language}", form)
            records, faulty = _records(file)
            passed += faulty
            columns = find_columns(file, records, columns)
            labels |= {*_labels(records, columns.label)}
            rows.setdefault(code, Counter())[split] = len(records)
    data: dict[str, Any] = {"kind": "table", "path": path}
    data |= {"text_column": columns.text, "label_column": columns.label}
    data |= {"pair_column": columns.pair} if columns.pair else {}
    data |= {f"{split}_split": name for split, (name, _) in files.items()}
    notes = _notes(columns, passed)
    return Seen(data, "classification", tuple(sorted(labels)), rows, tuple(notes))


def _tagged(path: str) -> Seen:
    """CoNLL files, each of one language and split, in a folder of theirs."""
    place = Path(path.partition("{")[0] or ".").expanduser()
    if not place.is_dir():
        place = place.parent.parent  # of DIR/en/train.conll
    layout = find_files(all_sets()["conll"], str(place))
    rows: dict[str, Counter[Split]] = {}
    tags: set[str] = set()
    for code, splits in layout.items():
        for split, files in splits.items():
            for found in files:
                assert isinstance(found.format, TaggedColumns)
                sentences = read_columns(found.path, found.format, Faults(skip=True))
                rows.setdefault(code, Counter())[split] += len(sentences)
                tags |= {tag for sentence in sentences for tag in sentence.tags}
    data = {"kind": "set", "name": "conll", "path": str(place)}
    notes = ("a word a line, its tag in the last column",)
    return Seen(data, "tagging", tuple(sorted(tags)), rows, notes)


def _files(path: str, name: str) -> dict[str, str]:
    return match_files(path.replace("{split}", name))


def _records(path: str) -> tuple[list[Record], int]:
    """Rows of a table, and how many lines are none."""
    every = [record for _, record in read_records(path, None, Faults(skip=True))]
    found = [record for record in every if record is not None]
    if not found:
        raise DataError(
            f"{path}: must hold a line with the names of the columns and rows below; "
            f"got no row. Give another file."
        )
    return found, len(every) - len(found)


def find_columns(path: str, records: Sequence[Record], given: Columns) -> Columns:
    """Which column is what: by its name, else by what stands in it.

    Raises:
        DataError: one that is given is not there, or text or label cannot be told.
    """
    names = list(records[0])
    found = {one.name: getattr(given, one.name) for one in fields(given)}
    for what, name in found.items():
        if name and name not in names:
            raise DataError(
                f"--{what}-column: must be a column of {path}; got {brief(name)}. It "
                f"has {brief(names)}."
            )
    by_name = {name.casefold(): name for name in reversed(names)}
    for what, known in _NAMES.items():
        free = [n for n in known if by_name.get(n) not in {None, *found.values()}]
        found[what] = found[what] or (by_name[free[0]] if free else "")
    left = [name for name in names if name not in found.values()]
    for what, is_it in (("language", _is_language), ("label", _is_label)):
        if not found[what]:
            found[what] = next((n for n in left if is_it(_values(records, n))), "")
            left = [name for name in left if name != found[what]]
    if not found["text"] and left:
        found["text"] = max(left, key=lambda name: _length(records, name))
    for what in ("text", "label"):
        if not found[what]:
            raise DataError(
                f"{path}: a column must hold the {what} of each row; got columns "
                f"{brief(names)}, and cannot tell which. Name it by --{what}-column."
            )
    return Columns(**found)


def _values(records: Sequence[Record], name: str) -> list[str]:
    return [str(record.get(name, "")) for record in records]


def _is_language(values: Collection[str]) -> bool:
    distinct = {*values}
    if len(distinct) > _MANY_LANGUAGES or len(distinct) * 2 > len(values):
        return False
    return all(_CODE.fullmatch(one) and _is_code(one) for one in distinct)


def _is_code(text: str) -> bool:
    try:
        return bool(normalise(text))
    except ConfigError:
        return False


def _is_label(values: Collection[str]) -> bool:
    distinct = {*values}
    return 2 <= len(distinct) <= _MANY_LABELS and len(distinct) * 4 <= len(values)


def _length(records: Sequence[Record], name: str) -> float:
    return sum(map(len, _values(records, name))) / len(records)


def _labels(records: Sequence[Record], name: str) -> tuple[str, ...]:
    return tuple(sorted({one for one in _values(records, name) if one.strip()}))


def _names_of_splits(records: Sequence[Record], column: str) -> dict[Split, str]:
    """What each split is called in a column; nothing unless all three are there."""
    there = {*_values(records, column)} if column else set()
    found: dict[Split, str] = {}
    for split, names in SPLITS.items():
        found[split] = next((one for one in there if one.casefold() in names), "")
    is_whole = all(found.values()) and there == {*found.values()}
    return found if is_whole else {}


def _notes(columns: Columns, passed: int) -> list[str]:
    """Which columns are which, and how many rows were passed over."""
    named = {one.name: getattr(columns, one.name) for one in fields(columns)}
    told = ", ".join(f"{what} {name!r}" for what, name in named.items() if name)
    faulty = f"{passed} faulty rows; a search stops at them: --skip-bad-rows"
    return [f"columns: {told}", *([faulty] if passed else [])]
