"""The form of a split: what can be said of it without any of its examples."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    LabelSet,
    PairExamples,
    QuestionExamples,
    TaggedExamples,
    listed,
)
from xlnas_jax.data.readers.faults import LoadReport
from xlnas_jax.tasks.tagging import OUTSIDE, has_entities
from xlnas_jax.types import DataError, brief


class Form(NamedTuple):
    """Numbers of one language and split.

    Whichever example has which label, the form is the same: nothing can be learnt
    from it, and no network can be scored by it.

    Attributes:
        report: what became of its rows.
        labels: how many examples have each label, in the order of the label set. Of
            tags: how many words; of entities: how many of each type, and how many
            words are outside. Of questions and of translations: nothing.
    """

    report: LoadReport
    labels: Mapping[str, int]


def form_of(examples: AnyExamples, labels: LabelSet) -> Form:
    """Counts the rows and the labels of a split."""
    return Form(examples.report, _count(examples, labels))


def require_text(examples: AnyExamples) -> None:
    """Raise `DataError` where a text holds half a character: no tokenizer takes it."""
    for identifier, text in _texts(examples):
        where = f"split {examples.split!r} of {examples.language!r}, example"
        require_unicode(text, f"{where} {brief(identifier)}")


def require_unicode(text: str, where: str) -> None:
    """Raise `DataError` where a text holds half a character."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{where}: every text must be Unicode; got the lone surrogate "
            f"{text[error.start]!a} at character {error.start}. Correct the row."
        ) from error


def require_contrast(examples: AnyExamples, labels: LabelSet) -> None:
    """Raise `DataError` where all that is to be learnt has one label, or is no entity.

    A network that always answers the same would be right.
    """
    if isinstance(examples, QuestionExamples | PairExamples):
        return
    used = [labels[at] for at in np.unique(_label_ids(examples))]
    if len(used) < 2:
        what = "tag" if isinstance(examples, TaggedExamples) else "label"
        raise DataError(
            f"split {examples.split!r} of {examples.language!r}: examples to learn "
            f"from must have at least two {what}s; got {listed(used)} alone. Check the "
            f"{what}s of the file."
        )


def _texts(examples: AnyExamples) -> Iterator[tuple[str, str]]:
    """Every text of every example, after its id."""
    columns = [examples.ids, examples.texts]
    if isinstance(examples, Examples) and examples.pairs is not None:
        columns.append(examples.pairs)
    if isinstance(examples, QuestionExamples):
        columns.append(examples.questions)
    if isinstance(examples, PairExamples):
        columns.append(examples.translations)
    for identifier, *texts in zip(*columns, strict=True):
        for text in (identifier, *texts):
            yield identifier, text


def _count(examples: AnyExamples, labels: LabelSet) -> dict[str, int]:
    if isinstance(examples, QuestionExamples | PairExamples):
        return {}
    found = _label_ids(examples)
    counts = np.bincount(found, minlength=len(labels)).tolist()
    by_label = dict(zip(labels, counts, strict=True))
    if isinstance(examples, TaggedExamples) and has_entities(labels):
        return _entities(by_label)
    return by_label


def _label_ids(examples: Examples | TaggedExamples) -> Int[np.ndarray, " label"]:
    """Of every example, or of every word."""
    if isinstance(examples, Examples):
        return examples.labels
    return np.concatenate([np.zeros(0, np.int32), *examples.tags])


def _entities(tags: Mapping[str, int]) -> dict[str, int]:
    """Entities by type: each has one tag that begins it."""
    counts: Counter[str] = Counter()
    for tag, count in tags.items():
        prefix, _, kind = tag.partition("-")
        if prefix != "I":
            counts[kind or OUTSIDE] += count
    return dict(counts)
