"""Tags of training sentences in their translations, by which words are aligned.

An entity is where the words are that its own are aligned to. They must stand together:
between them no word may be of something else. Where an entity has no such place, the
sentence is left out, and counted: without its tag, its words would be learnt as none.

References:
    Jalili Sabet et al., "SimAlign", 2020. https://arxiv.org/abs/2004.08728
    García-Ferrero, Agerri & Rigau, "Model and Data Transfer for Cross-Lingual Sequence
    Labelling in Zero-Resource Settings", 2022. https://arxiv.org/abs/2210.12623
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from xlnas_jax.config.methods.translations import AlignedTranslations
from xlnas_jax.data.augment.project import entities_of
from xlnas_jax.data.examples import LabelSet, TaggedExamples
from xlnas_jax.data.form import require_text
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.records import read_records
from xlnas_jax.data.translated import is_new, languages_of, path_of
from xlnas_jax.data.words import tokens_of
from xlnas_jax.languages.codes import named
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.tasks.tagging import OUTSIDE
from xlnas_jax.types import DataError, brief

Pairs = Collection[tuple[int, int]]
Sentences = Sequence[Sequence[str]]
# `(sentences, their translations) -> pairs of words`, of each.
Align = Callable[[Sentences, Sentences], list[set[tuple[int, int]]]]
NOTHING = "row without a translation, left out"
UNALIGNED = "entity whose words are aligned to none, left out"
APART = "entity whose words stand apart in the translation, left out"


def read_aligned(
    config: AlignedTranslations,
    labels: LabelSet,
    roles: LanguageRoles,
    rows: TaggedExamples,
    align: Align,
    skip: bool = False,
) -> tuple[TaggedExamples, ...]:
    """Translations of training sentences with the tags that could be projected.

    Args:
        rows: of the source language.
        skip: pass over faulty rows of files.

    Raises:
        LeakError, ConfigError: a language may not be translated into; there is none.
        DataError: of a language nothing can be used, or a file is faulty.
    """
    return tuple(
        _of_file(path_of(config.path, code), code, labels, rows, align, Faults(skip))
        for code in languages_of(config, roles)
    )


def _of_file(
    path: str,
    language: str,
    labels: LabelSet,
    rows: TaggedExamples,
    align: Align,
    faults: Faults,
) -> TaggedExamples:
    given = _read(path, rows.ids, faults)
    place = {name: n for n, name in enumerate(rows.ids)}
    names = [name for name, words in given.items() if words]
    if len(names) < len(given):
        faults.note(NOTHING, len(given) - len(names))
    words = [given[name] for name in names]
    every = align([rows.words[place[name]] for name in names], words)
    kept, tags = [], []
    for number, (name, pairs) in enumerate(zip(names, every, strict=True)):
        own = rows.tags[place[name]].tolist()
        found, reason = aligned_tags(own, labels, pairs, len(words[number]))
        if found is None:
            faults.note(reason)
        else:
            kept.append(number)
            tags.append(np.asarray(found, np.int32))
    made = TaggedExamples(
        language,
        "train",
        tuple(names[n] for n in kept),
        tuple(words[n] for n in kept),
        tuple(tags),
        faults.report(len(given), len(kept)),
    )
    if not kept:
        raise DataError(
            f"{path}: tags must be projected into at least one translation of the "
            f"{len(rows)} training rows into {named(language)}; got none: "
            f"{dict(made.report.notes) or 'no row'}. Ids must be those of the source's "
            f"rows, such as {brief(rows.ids[0])}; or the encoder does not align the "
            f"language (xlnas align)."
        )
    require_text(made)
    return made


def aligned_tags(
    tags: Sequence[int], labels: LabelSet, pairs: Pairs, size: int
) -> tuple[list[int] | None, str]:
    """Tags of the `size` words of a translation, or why there are none.

    Args:
        pairs: places of words in the sentence and in its translation.
    """
    found = [labels.index(OUTSIDE)] * size
    taken: set[int] = set()
    for first, last in entities_of(tags, labels):
        own = {b for a, b in pairs if first <= a < last}
        others = {b for a, b in pairs if not first <= a < last}
        if not own:
            return None, UNALIGNED
        span = range(min(own), max(own) + 1)
        if taken.intersection(span) or others.intersection(span):
            return None, APART
        taken.update(span)
        kind = labels[tags[first]][2:]
        for place in span:
            prefix = "B" if place == span[0] else "I"
            name = f"{prefix}-{kind}"
            if name not in labels:
                return None, APART
            found[place] = labels.index(name)
    return found, ""


def _read(path: str, ids: Sequence[str], faults: Faults) -> dict[str, tuple[str, ...]]:
    """By the id of a row the words of its translation; none of an empty text."""
    known, seen = set(ids), set[str]()
    found: dict[str, tuple[str, ...]] = {}
    for line, record in read_records(path, None, faults):
        if record is None:
            continue
        place = f"{path}, line {line}"
        name, text, words = (record.get(key) for key in ("id", "text", "words"))
        if isinstance(words, str):
            words = words.split()
        if words is None and isinstance(text, str):
            words = tokens_of(text)
        is_list = isinstance(words, list) and all(isinstance(w, str) for w in words)
        if not isinstance(words, list) or not is_list:
            faults.reject(
                "no text",
                f"{place}: every row must have id and text, or words in its place; got "
                f"{brief(dict(record))}. Correct it.",
            )
        elif is_new(name, known, seen, place, faults):
            found[str(name)] = tuple(w for w in map(str, words) if w.strip())
    return found
