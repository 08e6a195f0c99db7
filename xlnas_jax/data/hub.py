"""Data sets of the Hugging Face hub, one configuration per language."""

from functools import cache
from typing import TYPE_CHECKING

from xlnas_jax.config import HubData
from xlnas_jax.data.examples import Examples, Row, Source, label_set, make_examples
from xlnas_jax.data.patterns import match_languages, unknown_language
from xlnas_jax.languages import Split
from xlnas_jax.types import DataError

if TYPE_CHECKING:  # the import takes seconds: only runs that read the hub pay it
    from datasets import Dataset


def make_hub_source(config: HubData, source_language: str) -> Source:
    """Read configurations by pattern, through `datasets.load_dataset`.

    Labels are those configured, else the class names the data set declares,
    else the labels of the source language's training split, sorted.

    Example:
        >>> config = HubData("Davlan/sib200", label_column="category")
    """

    @cache
    def forms() -> dict[str, str]:
        return match_languages(config.config, _config_names(config))

    def load(language: str, split: Split) -> "Dataset":
        if language not in forms():
            raise unknown_language(language, forms(), f"data set {config.path!r}")
        return _load(config, forms()[language], split)

    labels = config.labels or _labels(load(source_language, "train"), config)

    def read(language: str, split: Split) -> Examples:
        rows = _rows(load(language, split), config)
        return make_examples(rows, labels, language, split, config.path)

    def languages() -> tuple[str, ...]:
        return tuple(sorted(forms()))

    return Source(labels=labels, languages=languages, read=read)


def _config_names(config: HubData) -> list[str]:
    import datasets

    try:
        return datasets.get_dataset_config_names(
            config.path, revision=config.revision or None
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise _failed(config, "list its configurations", error) from error


def _load(config: HubData, form: str, split: Split) -> "Dataset":
    import datasets

    split_name = _split_name(config, split)
    try:
        found = datasets.load_dataset(
            config.path,
            name=config.config.replace("{language}", form),
            split=split_name,
            revision=config.revision or None,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise _failed(config, f"read split {split_name!r} of {form!r}", error) from (
            error
        )
    assert isinstance(found, datasets.Dataset)  # a named split, not streamed
    return found


def _split_name(config: HubData, split: Split) -> str:
    names = {
        "train": config.train_split,
        "dev": config.dev_split,
        "test": config.test_split,
    }
    return names[split]


def _failed(config: HubData, action: str, error: Exception) -> DataError:
    """One paragraph, whatever number of lines the reason came in."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(
        f"data set {config.path!r}: `datasets` must be able to {action}; got "
        f"{type(error).__name__}: {reason.rstrip('.')}. Check data.path, data.config, "
        f"the split names and the network."
    )


def _column(data: "Dataset", config: HubData, column: str) -> list[object]:
    if column not in data.column_names:
        raise DataError(
            f"data set {config.path!r}: column {column!r} must be there; got columns "
            f"{data.column_names}. Set data.text_column, data.label_column or "
            f"data.id_column to one of these."
        )
    return list(data[column])


def _class_names(data: "Dataset", config: HubData) -> tuple[str, ...]:
    """Names of the classes where the label column declares them, else nothing."""
    import datasets

    feature = data.features.get(config.label_column)
    if isinstance(feature, datasets.ClassLabel):
        return tuple(feature.names)
    return ()


def _labels(data: "Dataset", config: HubData) -> tuple[str, ...]:
    return _class_names(data, config) or label_set(_rows(data, config))


def _rows(data: "Dataset", config: HubData) -> list[Row]:
    texts = _column(data, config, config.text_column)
    values = _column(data, config, config.label_column)
    ids = _column(data, config, config.id_column) if config.id_column else None
    names = _class_names(data, config)
    rows = []
    for position, (text, value) in enumerate(zip(texts, values, strict=True)):
        place = f"data set {config.path!r}, row {position}"
        if not isinstance(text, str):
            raise DataError(
                f"{place}: column {config.text_column!r} must hold text; got "
                f"{text!r}. Set data.text_column to the column with the text."
            )
        identifier = position if ids is None else ids[position]
        rows.append(Row(str(identifier), text, _label(value, names), place))
    return rows


def _label(value: object, names: tuple[str, ...]) -> str:
    # -1 marks labels that a data set keeps back: left for the unknown-label error.
    if names and isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return str(value)
