"""What labelled words and questions are in other languages, with their labels there.

A label of a whole text is that of its translation; those of words and spans have to be
found there, which whoever translates does best: by marks in the text that is
translated, or by alignment of words. What could not be found is left out, and counted.

References:
    Conneau et al., "XNLI", 2018, and Hu et al., "XTREME", 2020, whose translations of
    questions come with answers so placed. https://arxiv.org/abs/2003.11080
    Chen et al., "Frustratingly easy label projection for cross-lingual transfer", 2023,
    on marks. https://arxiv.org/abs/2211.15613
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from xlnas_jax.config.methods.translations import FileTranslations
from xlnas_jax.data.examples import (
    Answer,
    LabelSet,
    QuestionExamples,
    TaggedExamples,
    listed,
)
from xlnas_jax.data.form import require_text
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.questions import find_answer, is_name, is_offset
from xlnas_jax.data.readers.records import read_records
from xlnas_jax.data.select import take
from xlnas_jax.data.translated import is_new, languages_of, path_of
from xlnas_jax.languages.codes import named
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.tasks.tagging import OUTSIDE, has_entities
from xlnas_jax.types import DataError, brief

Projected = TaggedExamples | QuestionExamples
# Why a sound row of a file is not used.
NOTHING = "row without a translation, left out"
NO_ANSWER = "answer not found once in its translation, left out"
OTHER_ENTITIES = "entities of other types than the row's, left out"


def read_projected(
    config: FileTranslations,
    labels: LabelSet,
    roles: LanguageRoles,
    rows: Projected,
    skip: bool = False,
) -> tuple[Projected, ...]:
    """Labelled translations of the training rows into every language.

    Each has the id of the row that it is of, and a report of what was left out.

    Args:
        labels: of the task.
        rows: of the source language.
        skip: pass over faulty rows of files.

    Raises:
        LeakError, ConfigError: a language may not be translated into; there is none.
        DataError: a language has none, or a file is faulty.
    """
    return tuple(
        _of_file(path_of(config.path, code), code, labels, rows, Faults(skip))
        for code in languages_of(config, roles)
    )


def _of_file(
    path: str, language: str, labels: LabelSet, rows: Projected, faults: Faults
) -> Projected:
    given = list(_records(path, rows.ids, faults))
    if isinstance(rows, TaggedExamples):
        found: Projected = _tagged(given, language, labels, rows, faults)
    else:
        found = _asked(given, language, faults)
    if not len(found):
        raise DataError(
            f"{path}: some of the {len(rows)} training rows must have a labelled "
            f"translation into {named(language)}; got none: {found.report.notes or ''}"
            f". Ids must be those of the source's rows, such as {brief(rows.ids[0])}."
        )
    require_text(found)
    return found


def _records(
    path: str, ids: Sequence[str], faults: Faults
) -> Iterator[tuple[str, Mapping[str, object], str]]:
    """Id, fields and place of every row of a file."""
    if path.endswith(".txt"):
        raise DataError(
            f"{path}: translations of words and questions must have labels, and a line "
            f"of plain text has none. Write a JSONL, TSV or CSV file."
        )
    known, seen = set(ids), set[str]()
    for line, record in read_records(path, None, faults):
        if record is None:
            continue
        name, place = record.get("id"), f"{path}, line {line}"
        name = str(name) if is_name(name) else None
        if is_new(name, known, seen, place, faults):
            yield str(name), record, place


def _tagged(
    given: Sequence[tuple[str, Mapping[str, object], str]],
    language: str,
    labels: LabelSet,
    rows: TaggedExamples,
    faults: Faults,
) -> TaggedExamples:
    """Sentences whose entities are of the types that those of their rows are."""
    own = dict(zip(rows.ids, rows.tags, strict=True))
    kept: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
    for name, record, place in given:
        words, tags = (_listed(record.get(key)) for key in ("words", "tags"))
        if words == () or tags == ():
            faults.note(NOTHING)
        elif words is None or tags is None or len(words) != len(tags):
            faults.reject(
                "malformed sentence",
                f"{place}: every row must have as many tags as words, in lists or "
                f"with spaces between; got {brief(dict(record))}. Correct it, or "
                f"leave both empty.",
            )
        elif not set(tags) <= set(labels):
            strange = next(tag for tag in tags if tag not in labels)
            faults.reject(
                "unknown tag",
                f"{place}: every tag must be one of {listed(labels)}; got "
                f"{brief(strange)}. Correct the row.",
            )
        elif has_entities(labels) and _types(tags) != _types(
            [labels[tag] for tag in own[name]]
        ):
            faults.note(OTHER_ENTITIES)
        else:
            kept.append((name, words, tags))
    index = {tag: position for position, tag in enumerate(labels)}
    return TaggedExamples(
        language,
        "train",
        tuple(name for name, _, _ in kept),
        tuple(words for _, words, _ in kept),
        tuple(np.asarray([index[t] for t in tags], np.int32) for _, _, tags in kept),
        faults.report(len(given), len(kept)),
    )


def _listed(value: object) -> tuple[str, ...] | None:
    """Words or tags as they are listed, or between spaces; None of anything else."""
    if isinstance(value, str):
        return tuple(value.split())
    is_list = isinstance(value, list)
    if not is_list or not all(isinstance(x, str) and x.strip() for x in value):
        return None
    return tuple(value)


def _types(tags: Sequence[str]) -> Counter[str]:
    """How many entities there are of each type; an `I-` that continues none is one."""
    before = [OUTSIDE, *tags[:-1]] if len(tags) else []
    return Counter(
        tag[2:]
        for last, tag in zip(before, tags, strict=True)
        if tag.startswith("B-") or (tag.startswith("I-") and last[2:] != tag[2:])
    )


def _asked(
    given: Sequence[tuple[str, Mapping[str, object], str]],
    language: str,
    faults: Faults,
) -> QuestionExamples:
    """Questions whose answer is at its offset, or stands once in the context."""
    kept: list[tuple[str, str, str, Answer]] = []
    for name, record, place in given:
        texts = [record.get(key) for key in ("question", "context", "answer")]
        start = _offset(record.get("start"))
        if start is None or not all(isinstance(text, str) for text in texts):
            faults.reject(
                "malformed question",
                f"{place}: every row must have text in question, context and answer, "
                f"and a whole number, if anything, in start; got "
                f"{brief(dict(record))}. Correct it.",
            )
            continue
        question, context, answer = map(str, texts)
        if not question.strip() or not context.strip():
            faults.note(NOTHING)
            continue
        found = find_answer(context, Answer(answer, start)) if answer.strip() else None
        if found is None:
            faults.note(NO_ANSWER)
            continue
        kept.append((name, question, context, Answer(answer, found)))
    names, questions, contexts, answers = zip(*kept, strict=True) if kept else [()] * 4
    return QuestionExamples(
        language=language,
        context_language=language,
        split="train",
        ids=names,
        questions=questions,
        contexts=contexts,
        answers=tuple((answer,) for answer in answers),
        report=faults.report(len(given), len(kept)),
    )


def _offset(value: Any) -> int | None:
    """Where an answer is said to begin; -1 where nothing is said, None of nonsense."""
    if value is None or value == "":
        return -1
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return value if is_offset(value) and value >= 0 else None


def without_known(found: Projected, others: Sequence[Projected]) -> Projected:
    """The same without what its language has as rows already."""
    own = [other for other in others if other.language == found.language]
    known = {one for other in own for one in _of(other)}
    new = [at for at, one in enumerate(_of(found)) if one not in known]
    return take(found, np.asarray(new, np.int64))


def _of(examples: Projected) -> Sequence[tuple]:
    if isinstance(examples, TaggedExamples):
        return examples.words
    return list(zip(examples.questions, examples.contexts, strict=True))
