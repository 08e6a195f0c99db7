"""Translations of several places as the examples of retrieval.

Places are parallel text, of which a pair of languages is read at a time, and labelled
text whose rows of the same id are translations. Nothing but texts is taken of either.
"""

import dataclasses
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from xlnas_jax.config.data import (
    CipherData,
    CldrData,
    PairsData,
    SetData,
    TableData,
)
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    PairExamples,
    Source,
    require_some,
)
from xlnas_jax.data.parallel import read_parallel, read_side
from xlnas_jax.data.readers.faults import LoadReport
from xlnas_jax.data.readers.layout import NotThereError, find_files
from xlnas_jax.data.readers.patterns import unknown_language
from xlnas_jax.data.select import joined, limited, numbered, take
from xlnas_jax.data.sets.registry import find
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import ConfigError

Place = SetData | TableData | CldrData | CipherData
REPEATED = "repeated text, left out"
# A split that no place is named for is one part in so many of the training places.
PARTS = 10
# Which of these parts is which split; all others are trained on.
_PART: Mapping[Split, int] = {"dev": 0, "test": 1}


class Reader(NamedTuple):
    """How one place is read.

    Attributes:
        languages: lists what it has.
        read: `(language, split) -> examples` with translations.
    """

    name: str
    languages: Callable[[], tuple[str, ...]]
    read: Callable[[str, Split], PairExamples]
    licence: str


def make_pairs_source(
    config: PairsData,
    source_language: str,
    make: Callable[[Place], Source],
    skip: bool,
) -> Source:
    """What a language has in every place, one after another.

    Args:
        make: the source of a place with labels.
        skip: pass over faulty rows of files, and count them.

    Raises:
        ConfigError: a place has several texts an example, or words.
    """
    given: dict[Split, list[Reader]] = {
        split: [_reader(place, source_language, make, skip) for place in places]
        for split, places in config.by_split.items()
    }
    readers = {split: own or given["train"] for split, own in given.items()}
    # Splits that are parts of the training places.
    inner: list[Split] = [split for split in _PART if not given[split]]

    def read(language: str, split: Split) -> PairExamples:
        own = "train" if split in inner else split
        parts, absent = [], []
        for reader in readers[split]:
            try:
                found = reader.read(language, own)
            except NotThereError as error:
                absent.append(str(error))
                continue
            if own == "train":
                found = _part_of(found, split, inner)
            parts.append((reader.name, found))
        if not parts:
            raise NotThereError(" ".join(absent))
        names, found = numbered([n for n, _ in parts]), [p for _, p in parts]
        whole = joined(found, names)
        assert isinstance(whole, PairExamples)
        every = distinct(whole)
        require_some(list(every.ids), language, split, f"data ({', '.join(names)})")
        return dataclasses.replace(every, split=split)

    def languages() -> tuple[str, ...]:
        every = (r.languages() for own in readers.values() for r in own)
        return tuple(sorted({code for codes in every for code in codes}))

    licences = (r.licence for own in readers.values() for r in own if r.licence)
    licence = "; ".join(dict.fromkeys(licences))
    return Source((), languages, read, "retrieval", licence, is_paired=False)


def distinct(examples: PairExamples) -> PairExamples:
    """Without examples one of whose texts an earlier one has on the same side.

    A text that is the same in both languages is left out too: every network finds it.
    That of the source with itself is not.
    """
    is_own = examples.texts == examples.translations
    seen: tuple[set[str], set[str]] = set(), set()
    kept = []
    for place, both in enumerate(
        zip(examples.texts, examples.translations, strict=True)
    ):
        is_new = not any(text in side for text, side in zip(both, seen, strict=True))
        if is_new and (is_own or both[0] != both[1]):
            kept.append(place)
            for text, side in zip(both, seen, strict=True):
                side.add(text)
    return _taken(examples, kept, REPEATED)


def _part_of(
    examples: PairExamples, split: Split, inner: Sequence[Split]
) -> PairExamples:
    """What of a training place belongs to a split."""
    parts = [zlib.crc32(text.encode()) % PARTS for text in examples.translations]
    others = {_PART[one] for one in inner}
    if split in _PART:
        kept = [n for n, part in enumerate(parts) if part == _PART[split]]
    else:
        kept = [n for n, part in enumerate(parts) if part not in others]
    return _taken(examples, kept, None)


def _taken(
    examples: PairExamples, kept: Sequence[int], reason: str | None
) -> PairExamples:
    """Examples at some places; the report says why others are not there."""
    report, gone = examples.report, len(examples) - len(kept)
    if gone and reason is None:
        # They are of another split, which counts them.
        rows = report.rows - gone
        report = dataclasses.replace(report, rows=rows, kept=len(kept))
    elif gone:
        notes = {**report.notes, str(reason): report.notes.get(str(reason), 0) + gone}
        report = dataclasses.replace(report, kept=len(kept), notes=notes)
    chosen = take(examples, np.asarray(kept, np.int64))
    return dataclasses.replace(chosen, report=report)


def _reader(
    place: Place, source_language: str, make: Callable[[Place], Source], skip: bool
) -> Reader:
    if isinstance(place, SetData) and find(place.name).task == "parallel":
        return _of_parallel(place, source_language, skip)
    source = make(place)
    if source.task != "classification":
        raise ConfigError(
            f"data: a place of translations must be parallel text, or texts with one "
            f"label each; got one of {source.task}. Name another place."
        )

    def read(language: str, split: Split) -> PairExamples:
        ours, theirs = (
            _texts(source.read(code, split)) for code in (source_language, language)
        )
        return _with_same_id(ours, theirs, language, split)

    name = getattr(place, "name", place.kind)
    return Reader(name, source.languages, read, source.licence)


def _texts(examples: AnyExamples) -> Examples:
    assert isinstance(examples, Examples)
    if examples.pairs is not None:
        raise ConfigError(
            f"data: a place of translations must have one text an example; got pairs "
            f"of texts in {examples.language!r}. Name another place."
        )
    return examples


def _with_same_id(
    ours: Examples, theirs: Examples, language: str, split: Split
) -> PairExamples:
    known = dict(zip(ours.ids, ours.texts, strict=True))
    every = PairExamples(
        language,
        split,
        theirs.ids,
        theirs.texts,
        tuple(known.get(name, "") for name in theirs.ids),
        theirs.report,
    )
    kept = [n for n, name in enumerate(theirs.ids) if name in known]
    return _taken(every, kept, "no translation, left out")


def _of_parallel(place: SetData, source_language: str, skip: bool) -> Reader:
    """Parallel text, which has splits of its own, or one that serves for all."""
    data_set = find(place.name)
    only = len(data_set.splits) == 1

    def read(language: str, split: Split) -> PairExamples:
        own = None if only else split
        if language == source_language:
            texts = tuple(read_side(data_set, place.path, language, own, skip))
            texts = tuple(dict.fromkeys(text for text in texts if text.strip()))
            ids = tuple(str(number) for number in range(len(texts)))
            report = LoadReport(rows=len(texts), kept=len(texts))
            found = PairExamples(language, split, ids, texts, texts, report)
        else:
            text = read_parallel(
                data_set, place.path, source_language, language, own, skip
            )
            sides = text.targets, text.sources
            found = PairExamples(language, split, text.ids, *sides, text.report)
        return limited(found, place.limit.get(split))

    def languages() -> tuple[str, ...]:
        wanted = [normalise(code) for code in place.languages]
        layout = find_files(data_set, place.path)
        for code in wanted:
            if code not in layout:
                raise unknown_language(code, layout, place.name)
        return tuple(wanted or layout)

    return Reader(data_set.name, languages, read, data_set.licence)
