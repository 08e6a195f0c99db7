"""Data sets of the Hugging Face hub, one configuration per language."""

import math
import os
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlnas_jax.config.data import HubData
from xlnas_jax.data.examples import (
    Examples,
    Row,
    Source,
    label_set,
    make_examples,
    require_some,
)
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.data.readers.patterns import match_languages, unknown_language
from xlnas_jax.data.readers.values import make_row
from xlnas_jax.data.select import settled
from xlnas_jax.files import kind_of
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import DataError, brief

# Of the reason of another library; some print whole tables.
_MOST = 500
# What `datasets` says where a data set has other splits.
_NO_SPLIT = "Unknown split"

if TYPE_CHECKING:  # the import takes seconds: only runs that read the hub pay it
    from datasets import Dataset


def make_hub_source(
    config: HubData, source_language: str, skip: bool = False
) -> Source:
    """Read configurations by pattern, through `datasets.load_dataset`.

    Labels are those configured, else the class names the data set declares,
    else the labels of the source language's training split, sorted.

    Args:
        skip: pass over faulty rows and count them.

    Example:
        >>> config = HubData("Davlan/sib200", label_column="category")
    """

    @cache
    def forms() -> dict[str, str]:
        return match_languages(
            config.config, config_names(config.path, config.revision)
        )

    def load(language: str, split: Split) -> "Dataset":
        if language not in forms():
            raise unknown_language(language, forms(), f"data set {config.path!r}")
        name = config.config.replace("{language}", forms()[language])
        return load_split(
            config.path, name, _split_name(config, split), config.revision
        )

    labels = config.labels
    if not labels:
        data = load(source_language, "train")
        labels = _labels(data, config, source_language, Faults(skip))

    def read(language: str, split: Split) -> Examples:
        faults = Faults(skip)
        rows = _rows(load(language, split), config, faults)
        made = make_examples(rows, labels, language, split, config.path, faults)
        return settled(made, faults)

    def languages() -> tuple[str, ...]:
        return tuple(sorted(forms()))

    return Source(labels=labels, languages=languages, read=read)


def config_names(path: str, revision: str = "") -> list[str]:
    """Names of a data set's configurations."""
    import datasets

    try:
        return datasets.get_dataset_config_names(path, revision=revision or None)
    except Exception as error:  # whatever a damaged file makes of its many parsers
        raise _failed(path, "list its configurations", error) from error


def load_split(path: str, name: str, split: str, revision: str = "") -> "Dataset":
    """One split of one configuration."""
    import datasets

    try:
        found = datasets.load_dataset(
            # A folder has no name where it is called `.`.
            os.path.realpath(path) if os.path.isdir(path) else path,
            name=name,
            split=split,
            revision=revision or None,
            cache_dir=local_cache(path),
        )
    except DataError:
        raise
    except Exception as error:  # whatever a damaged file makes of its many parsers
        found = _failed(path, f"read split {split!r} of {name!r}", error)
        # All else may be sound: it is the split alone that there is not.
        if str(error).startswith(_NO_SPLIT):
            found = NotThereError(str(found))
        raise found from error
    assert isinstance(found, datasets.Dataset)  # a named split, not streamed
    return found


def local_cache(path: str) -> str | None:
    """Where `datasets` keeps what it makes of a folder as it is now; None of the hub.

    By itself it goes by the names of files alone, and would give what stood in them
    when it first read them.

    Raises:
        DataError: something in the folder is neither a file nor a folder.
    """
    import datasets.config

    if not os.path.isdir(path):
        return None
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            state = os.stat(os.path.join(folder, name))
            kind = kind_of(state.st_mode)
            if kind:
                raise DataError(
                    f"data set {path!r}: a folder of data must hold regular files; "
                    f"got {name!r}, which is {kind}. Remove it."
                )
            # The last is not to be set by anyone, so copies that keep times differ.
            times = state.st_mtime_ns, state.st_ctime_ns
            found.append((folder, name, state.st_ino, state.st_size, *times))
    key = sha256(repr((os.path.realpath(path), found)).encode()).hexdigest()
    return str(Path(datasets.config.HF_DATASETS_CACHE) / "local" / key[:16])


def read_column(data: "Dataset", path: str, column: str, hint: str) -> list[Any]:
    """All values of a column.

    Raises:
        DataError: there is no such column; `hint` says what to do.
    """
    if column not in data.column_names:
        raise DataError(
            f"data set {path!r}: column {column!r} must be there; got columns "
            f"{data.column_names}. {hint}"
        )
    return list(data[column])


def class_names(data: "Dataset", column: str) -> tuple[str, ...]:
    """Names of the classes that a column, or each list in it, declares; or nothing."""
    import datasets

    feature = data.features.get(column)
    # Lists of classes are `Sequence` in older versions, `List` in newer ones.
    feature = getattr(feature, "feature", feature)
    return tuple(feature.names) if isinstance(feature, datasets.ClassLabel) else ()


def class_name(value: object, names: Sequence[str]) -> object:
    """The name of a class by its number; what is no number of one as it is.

    A column of numbers holds fractions where some are absent. -1 marks labels that a
    data set keeps back: left for the unknown-label error.
    """
    if names and isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    if isinstance(value, float):
        return str(value) if math.isfinite(value) else None
    return value


def _split_name(config: HubData, split: Split) -> str:
    names = {
        "train": config.train_split,
        "dev": config.dev_split,
        "test": config.test_split,
    }
    return names[split]


def _failed(path: str, action: str, error: Exception) -> DataError:
    """One paragraph, whatever number of lines the reason came in."""
    cause = error.__cause__ or error
    reason = " ".join(f"{type(cause).__name__}: {cause}".split())[:_MOST]
    return DataError(
        f"data set {path!r}: `datasets` must be able to {action}; got "
        f"{reason.rstrip('.')}. Check data.path, data.config, the split names, the "
        f"files and the network."
    )


def _column(data: "Dataset", config: HubData, column: str) -> list[Any]:
    hint = "Set data.text_column, data.label_column or data.id_column to one of these."
    return read_column(data, config.path, column, hint)


def _labels(
    data: "Dataset", config: HubData, language: str, faults: Faults
) -> tuple[str, ...]:
    names = class_names(data, config.label_column)
    if names:
        return names
    rows = _rows(data, config, faults)
    require_some(rows, language, "train", config.path)
    return label_set(rows)


def _rows(data: "Dataset", config: HubData, faults: Faults) -> list[Row]:
    texts = _column(data, config, config.text_column)
    values = _column(data, config, config.label_column)
    ids = _column(data, config, config.id_column) if config.id_column else None
    names = class_names(data, config.label_column)
    rows = []
    for position, (text, value) in enumerate(zip(texts, values, strict=True)):
        place = f"data set {config.path!r}, row {position}"
        if not isinstance(text, str | None):
            raise DataError(
                f"{place}: column {config.text_column!r} must hold text; got "
                f"{brief(text)}. Set data.text_column to the column with the text."
            )
        values = {
            "id": position if ids is None else ids[position],
            "text": text,
            "label": class_name(value, names),
        }
        row = make_row(values, place, faults, (*names, *config.labels))
        rows += [] if row is None else [row]
    return rows
