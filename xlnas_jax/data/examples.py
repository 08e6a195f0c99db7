"""What every data source gives: labelled examples of one language and split."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.data.readers.faults import Faults, LoadReport
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import DataError, brief

LabelSet = tuple[str, ...]
TASKS = ("classification", "tagging", "qa", "retrieval")
_NOTHING = LoadReport()
_MANY = 20


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled texts, or pairs of texts, of one language and split, in file order.

    Attributes:
        language: canonical code.
        ids: unique within the split; in parallel data the same id is the same
            sentence in every language.
        labels: position of each label in the source's label set.
        pairs: the second text of each example; None where there is one text only.
        report: what was read, passed over and repaired.
    """

    language: str
    split: Split
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Int[np.ndarray, " example"]
    pairs: tuple[str, ...] | None = None
    report: LoadReport = _NOTHING

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class TaggedExamples:
    """Sentences of words, each with a tag.

    Attributes:
        words: as the file separates them; at least one a sentence.
        tags: of each sentence, positions of its words' tags in the label set.
    """

    language: str
    split: Split
    ids: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    tags: tuple[Int[np.ndarray, " _"], ...]
    report: LoadReport = _NOTHING

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def texts(self) -> tuple[str, ...]:
        """The sentences with a space between words; for tokenizers, not for scores."""
        return tuple(" ".join(words) for words in self.words)


class Answer(NamedTuple):
    """A gold answer: `context[start : start + len(text)] == text`."""

    text: str
    start: int


@dataclass(frozen=True, eq=False)
class QuestionExamples:
    """Questions on a context that holds the answer.

    Attributes:
        language: of the data set's split, which is that of the question.
        context_language: of the contexts; it decides how answers are normalised.
        answers: at least one a question; any of them is right.
    """

    language: str
    context_language: str
    split: Split
    ids: tuple[str, ...]
    questions: tuple[str, ...]
    contexts: tuple[str, ...]
    answers: tuple[tuple[Answer, ...], ...]
    report: LoadReport = _NOTHING

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def texts(self) -> tuple[str, ...]:
        """The contexts; for tokenizers, not for scores."""
        return self.contexts


@dataclass(frozen=True, eq=False)
class PairExamples:
    """Texts with what they are in the source language; of that, with themselves.

    No text comes twice on either side: it could not be told from itself.
    """

    language: str
    split: Split
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    translations: tuple[str, ...]
    report: LoadReport = _NOTHING

    def __len__(self) -> int:
        return len(self.ids)


AnyExamples = Examples | TaggedExamples | QuestionExamples | PairExamples


class Made(NamedTuple):
    """What one entry of `train.augment` made of training rows.

    Attributes:
        kind: of the entry.
        languages: that words or texts were translated into.
        by: whose translations they are, and under which licence.
        counts: of rows, and of the words in them, by what became of them.
    """

    kind: str
    languages: tuple[str, ...]
    by: str
    counts: Mapping[str, int]


class Learnt(NamedTuple):
    """Training rows of the source language with all that was made of them."""

    examples: AnyExamples
    made: tuple[Made, ...]


class Source(NamedTuple):
    """A labelled data set in several languages.

    It knows nothing of roles: read it through `sources.read`, which does.

    Attributes:
        labels: the label set; a class id is a position in it. Of tagging: `O`,
            then `B-` and `I-` of each entity type. Of question answering and of
            retrieval: empty.
        languages: lists the canonical codes that can be read.
        read: one language and split, or `DataError`.
        task: one of `TASKS`: which kind of examples `read` returns.
        licence: of the data, as far as it is known.
        is_paired: whether examples are pairs of texts, where that is known without
            reading them.
        learnt: what weights learn from in place of the source language's training
            rows; absent where these are not augmented.
    """

    labels: LabelSet
    languages: Callable[[], tuple[str, ...]]
    read: Callable[[str, Split], AnyExamples]
    task: str = "classification"
    licence: str = ""
    is_paired: bool | None = None
    learnt: Callable[[], Learnt] | None = None


class Row(NamedTuple):
    """One raw example and where it stands, for error messages."""

    id: str
    text: str
    label: str
    place: str
    pair: str | None = None


class TaggedRow(NamedTuple):
    """One raw sentence with its tags, and where it stands."""

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...]
    place: str


class QuestionRow(NamedTuple):
    """One raw question with its context and answers, and where it stands."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    place: str


def make_examples(
    rows: list[Row],
    labels: LabelSet,
    language: str,
    split: Split,
    origin: str,
    faults: Faults | None = None,
) -> Examples:
    """Turn the labels of rows that are sound by themselves into class ids.

    Raises:
        DataError: no rows are left, or, unless `faults` passes over it, a repeated
            id or an unknown label.
    """
    faults = Faults() if faults is None else faults
    index = {label: position for position, label in enumerate(labels)}
    first: dict[str, str] = {}
    kept: list[Row] = []
    for row in rows:
        if row.id in first:
            faults.reject(
                "repeated id",
                f"{row.place}: ids must be unique within a split; got {brief(row.id)}, "
                f"already at {first[row.id]}. Remove one of the two.",
            )
        elif row.label not in index:
            faults.reject(
                "unknown label",
                f"{row.place}: every label must be one of {listed(labels)}; got "
                f"{brief(row.label)} in split {split!r} of {language!r}. Correct the "
                f"row, or list it in data.labels.",
            )
        else:
            first[row.id] = row.place
            kept.append(row)
    require_some(kept, language, split, origin)
    has_pairs = kept[0].pair is not None
    return Examples(
        language=language,
        split=split,
        ids=tuple(row.id for row in kept),
        texts=tuple(row.text for row in kept),
        labels=np.array([index[row.label] for row in kept], np.int32),
        pairs=tuple(str(row.pair) for row in kept) if has_pairs else None,
        report=faults.report(len(rows), len(kept)),
    )


def require_some(kept: list, language: str, split: Split, origin: str) -> None:
    """Raise `DataError` where a split holds no example."""
    if not kept:
        raise DataError(
            f"{origin}: split {split!r} of {language!r} must hold at least one "
            f"example; got none. Check the file, or choose another language."
        )


def label_set(rows: list[Row]) -> LabelSet:
    """The labels seen in `rows`, in sorted order."""
    return tuple(sorted({row.label for row in rows}))


def listed(labels: Sequence[str]) -> str:
    """Labels for a message: all of a set that a person made."""
    more = ", ..." if len(labels) > _MANY else ""
    return f"[{', '.join(brief(label) for label in labels[:_MANY])}{more}]"
