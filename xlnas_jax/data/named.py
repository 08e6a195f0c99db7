"""Named data sets, from their original files in a folder."""

from itertools import accumulate

from xlnas_jax.config.data import SetData
from xlnas_jax.data.examples import AnyExamples, LabelSet, Source, require_some
from xlnas_jax.data.labels import make_label_map
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.layout import Found, Layout, NotThereError, find_files
from xlnas_jax.data.readers.patterns import unknown_language
from xlnas_jax.data.readers.raw import AnyRow, make_any, read_raw, seen_labels, unique
from xlnas_jax.data.select import limited, settled
from xlnas_jax.data.sets.base import DataSet
from xlnas_jax.data.sets.registry import find
from xlnas_jax.files import located
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import ConfigError, DataError

ORDER: tuple[Split, ...] = ("train", "dev", "test")


def make_set_source(config: SetData, source_language: str, skip: bool) -> Source:
    """The data set of that name, from its folder, or from the hub without one.

    Nothing is opened here, except, where the data set does not name its labels, the
    training split of the source language.

    Args:
        skip: pass over faulty rows and count them.

    Raises:
        ConfigError: no such data set, or `map` renames what it does not have.
        DataError: no such folder, or it lacks a language or split that was asked for.
    """
    data_set = find(config.name)
    if data_set.task == "parallel":
        raise ConfigError(
            f"data.name: must be a data set with labels; got {config.name!r}, which "
            f"is parallel text. Use it for alignment, or name another one here."
        )
    if not config.path:
        from xlnas_jax.data.hub_sets import make_hub_set_source

        return make_hub_set_source(data_set, config, source_language, skip)
    return _make_local_source(data_set, config, source_language, skip)


def _make_local_source(
    data_set: DataSet, config: SetData, source_language: str, skip: bool
) -> Source:
    layout = _chosen(find_files(data_set, config.path), config)

    def rows(language: str, split: Split, faults: Faults) -> list[AnyRow]:
        share = _share(data_set, split)
        files = _files(layout, config, language, split)
        return unique([read_raw(file, share, faults) for file in files], files)

    seen: LabelSet = ()
    if not data_set.labels and data_set.task != "qa":
        given = rows(source_language, "train", Faults(skip))
        require_some(given, source_language, "train", _where(config))
        seen = seen_labels(given)
    label_map = make_label_map(data_set, config, seen)

    def read(language: str, split: Split) -> AnyExamples:
        faults = Faults(skip)
        given = rows(language, split, faults)
        file = _files(layout, config, language, split)[0]
        made = make_any(given, label_map, file, language, split, faults)
        return limited(settled(made, faults), config.limit.get(split))

    return Source(
        labels=label_map.labels,
        languages=lambda: tuple(sorted(layout)),
        read=read,
        task=data_set.task,
        licence=data_set.licence,
    )


def _chosen(layout: Layout, config: SetData) -> Layout:
    """What the configuration takes of what is there."""
    wanted = [normalise(code) for code in config.languages] or list(layout)
    for code in wanted:
        if code not in layout:
            raise unknown_language(code, layout, _where(config))
    splits = config.splits or ORDER
    chosen: Layout = {
        code: {split: layout[code][split] for split in splits if split in layout[code]}
        for code in wanted
    }
    if not any(chosen.values()):
        there = sorted({split for code in wanted for split in layout[code]})
        raise DataError(
            f"{_where(config)}: must hold a split of {list(splits)}; got {there}. "
            f"Change data.splits."
        )
    return {code: there for code, there in chosen.items() if there}


def _files(layout: Layout, config: SetData, language: str, split: Split) -> list[Found]:
    if language not in layout:
        error = unknown_language(language, layout, _where(config))
        raise NotThereError(str(error))
    if split not in layout[language]:
        have = [code for code in sorted(layout) if split in layout[code]]
        raise NotThereError(
            f"{_where(config)}: must hold split {split!r} of {language!r}; got "
            f"{sorted(layout[language])} of it, and that split of "
            f"{', '.join(have) or 'no language'}. Choose one of those, or add the file."
        )
    return layout[language][split]


def _where(config: SetData) -> str:
    return f"data set {config.name!r} in {located(config.path)}"


def _share(data_set: DataSet, split: Split) -> tuple[float, float]:
    """Where a split of undivided data begins and ends."""
    if data_set.divide is None:
        return 0.0, 1.0
    first, second, _ = accumulate(data_set.divide)
    # The last share ends at 1, whatever the sum rounds to.
    return {"train": (0.0, first), "dev": (first, second), "test": (second, 1.0)}[split]
