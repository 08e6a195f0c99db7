"""Several data sets of one task, read as one."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from xlnas_jax.config.data import HubData, MixData, SetData, TableData
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    LabelSet,
    Source,
    TaggedExamples,
)
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.data.readers.patterns import unknown_language
from xlnas_jax.data.select import joined, numbered
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import DataError


def make_mix_source(config: MixData, sources: Sequence[Source]) -> Source:
    """What a language has in each of the parts, one part after another.

    Args:
        sources: that of each part.

    Raises:
        DataError: the parts are of several tasks, or have labels that the first
            lacks.
    """
    names = _names(config.parts)
    first = sources[0]
    ids = [_positions(names, number, sources) for number in range(len(sources))]

    def read(language: str, split: Split) -> AnyExamples:
        found: list[tuple[str, AnyExamples]] = []
        absent: list[str] = []
        for name, source, label_ids in zip(names, sources, ids, strict=True):
            if language not in source.languages():
                continue
            try:
                examples = source.read(language, split)
            except NotThereError as error:
                absent.append(str(error))
                continue
            found.append((name, _relabelled(examples, label_ids)))
        if not found and not absent:
            error = unknown_language(language, languages(), "data.parts")
            raise NotThereError(str(error))
        if not found:
            raise NotThereError(" ".join(absent))
        return joined([part for _, part in found], [name for name, _ in found])

    def languages() -> tuple[str, ...]:
        return tuple(sorted({code for one in sources for code in one.languages()}))

    licences = dict.fromkeys(source.licence for source in sources if source.licence)
    return Source(first.labels, languages, read, first.task, "; ".join(licences))


def _names(parts: Sequence[SetData | TableData | HubData]) -> list[str]:
    """Of each part a name of its own; a second one of the same name is numbered."""
    return numbered(
        [part.name if isinstance(part, SetData) else part.kind for part in parts]
    )


def _positions(names: list[str], number: int, sources: Sequence[Source]) -> list[int]:
    """Of each label of one part, its position in the first part's label set."""
    first, source = sources[0], sources[number]
    if source.task != first.task:
        raise DataError(
            f"data.parts: all must be of one task; got {names[0]} for {first.task} and "
            f"{names[number]} for {source.task}. Make them tasks of their own."
        )
    unknown = [label for label in source.labels if label not in first.labels]
    if unknown:
        raise DataError(
            f"data.parts[{number}] ({names[number]}): every label must be one of "
            f"{names[0]}, which has {_listed(first.labels)}; got {_listed(unknown)}. "
            f"Rename it in this part's map, or drop it there (O, in tagging)."
        )
    return [first.labels.index(label) for label in source.labels]


def _listed(labels: LabelSet | list[str]) -> str:
    return ", ".join(labels)


def _relabelled(examples: AnyExamples, positions: list[int]) -> AnyExamples:
    """The same examples with class ids of the first part's label set."""
    ids = np.array(positions, np.int32)
    if isinstance(examples, Examples):
        return dataclasses.replace(examples, labels=ids[examples.labels])
    if isinstance(examples, TaggedExamples):
        return dataclasses.replace(
            examples, tags=tuple(ids[tags] for tags in examples.tags)
        )
    return examples
