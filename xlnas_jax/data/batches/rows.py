"""From examples to rows: token ids with what the task predicts of them.

A sentence is one row; a question is one row for each window of its context.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    PairExamples,
    QuestionExamples,
    TaggedExamples,
)
from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer
from xlnas_jax.data.tokens.windows import (
    Window,
    answer_span,
    document_span,
    make_windows,
)
from xlnas_jax.tasks.qa import SpanLabels
from xlnas_jax.tasks.tagging import TagLabels

PerRow = Int[np.ndarray, " row"]
# Sentences of different lengths side by side.
Ragged = Sequence[Int[np.ndarray, " _"]]


class Beside(NamedTuple):
    """Rows of which each stands beside one of others.

    Attributes:
        is_there: 0 where a row has none beside it, and some row only fills the place.
    """

    rows: "Rows"
    is_there: Float[np.ndarray, " row"]


@dataclass(frozen=True, eq=False)
class Rows:
    """What batches are made of, one entry or array row each.

    Attributes:
        labels: a pytree of arrays with a leading `row` axis, of the task's kind.
        language: index of each row's language.
        example: which example the row belongs to, counted over all parts; rows of
            one example must be scored in one batch.
        head: index of the language's own output layer, or -1; None where no
            language has one.
        windows: of questions, each row's window; else empty.
        labelled: 0 for rows without labels, 1 for others; None where all have some.
        unit: rows with the same number are learnt from together; None where every row
            is by itself.
        other: the translation of each row; None where none has one.
    """

    encodings: list[Encoding]
    labels: Any
    language: PerRow
    example: PerRow
    head: PerRow | None = None
    windows: tuple[Window, ...] = ()
    labelled: Float[np.ndarray, " row"] | None = None
    unit: PerRow | None = None
    other: Beside | None = None

    def __len__(self) -> int:
        return len(self.encodings)

    @property
    def lengths(self) -> PerRow:
        """Tokens of each row, special tokens included."""
        return np.asarray([len(one.ids) for one in self.encodings], np.int64)

    @property
    def unit_lengths(self) -> PerRow:
        """Of each row the most tokens of any that is learnt from with it."""
        lengths = self.lengths
        if self.other is not None:
            lengths = np.maximum(lengths, self.other.rows.unit_lengths)
        if self.unit is None:
            return lengths
        _, unit = np.unique(self.unit, return_inverse=True)
        longest = np.zeros(unit.max(initial=-1) + 1, np.int64)
        np.maximum.at(longest, unit, lengths)
        return longest[unit]


def make_example_rows(
    tokenizer: Tokenizer,
    parts: Sequence[AnyExamples],
    languages: Sequence[int],
    doc_stride: int = 128,
    heads: Sequence[int] | None = None,
) -> Rows:
    """Tokenises examples of one kind, one part after another.

    Args:
        languages: the index that stands for each part's language.
        doc_stride: of questions, tokens from one window's start to the next's.
        heads: of each part, the language's own output layer, or -1.
    """
    first = parts[0]
    assert not isinstance(first, PairExamples), "see pair_rows"
    if isinstance(first, Examples):
        rows = _text_rows(tokenizer, [p for p in parts if isinstance(p, Examples)])
    elif isinstance(first, TaggedExamples):
        tagged = [p for p in parts if isinstance(p, TaggedExamples)]
        rows = _tagged_rows(tokenizer, tagged)
    else:
        questions = [p for p in parts if isinstance(p, QuestionExamples)]
        rows = _question_rows(tokenizer, questions, doc_stride)
    part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    part = part_of[rows.example]
    language = np.asarray(languages, np.int32)[part]
    head = None if heads is None else np.asarray(heads, np.int32)[part]
    return dataclasses.replace(rows, language=language, head=head)


def take_labels(labels: Any, rows: PerRow) -> Any:
    """The labels of some rows; words that none of them has are cut off."""
    taken = jax.tree.map(lambda leaf: leaf[rows], labels)
    if not isinstance(labels, TagLabels):
        return taken
    most = int((taken.tag >= 0).sum(-1).max(initial=1))
    size = min(-(-most // 8) * 8, taken.tag.shape[1])
    return jax.tree.map(lambda leaf: leaf[:, :size], taken)


def _text_rows(tokenizer: Tokenizer, parts: Sequence[Examples]) -> Rows:
    encodings = []
    for part in parts:
        encodings += tokenizer.encode(part.texts, part.pairs)
    labels = np.concatenate([part.labels for part in parts]).astype(np.int32)
    return one_each(encodings, labels)


def one_each(encodings: list[Encoding], labels: Any) -> Rows:
    """Rows where every example is one."""
    number = np.arange(len(encodings), dtype=np.int32)
    return Rows(encodings, labels, np.zeros_like(number), number)


def _tagged_rows(tokenizer: Tokenizer, parts: Sequence[TaggedExamples]) -> Rows:
    encodings: list[Encoding] = []
    positions: list[Int[np.ndarray, " _"]] = []
    for part in parts:
        ours, theirs = tokenizer.encode_words(part.words)
        encodings += ours
        positions += theirs
    tags = [tags for part in parts for tags in part.tags]
    most = max(len(row) for row in tags)
    labels = TagLabels(position=_padded(positions, most), tag=_padded(tags, most))
    return one_each(encodings, labels)


def _padded(rows: Ragged, size: int) -> Int[np.ndarray, "row size"]:
    """Rows of any length as one array, filled up with -1."""
    array = np.full((len(rows), size), -1, np.int32)
    for number, row in enumerate(rows):
        array[number, : len(row)] = row
    return array


def _question_rows(
    tokenizer: Tokenizer, parts: Sequence[QuestionExamples], doc_stride: int
) -> Rows:
    windows: list[Window] = []
    example: list[int] = []
    columns: list[tuple[int, ...]] = []
    golds: list[list[tuple[int, int]]] = []
    for part in parts:
        found = make_windows(tokenizer, part.questions, part.contexts, doc_stride)
        for cut, answers in zip(found, part.answers, strict=True):
            number = example[-1] + 1 if example else 0
            spans = [document_span(cut, answer) for answer in answers]
            for window in cut:
                start, end = answer_span(window, answers[0]) or (0, 0)
                place = (window.first, window.last, window.shift)
                columns.append((start, end, *place, number))
                golds.append([span for span in spans if span is not None])
            windows += cut
            example += [number] * len(cut)
    most = max(1, *(len(gold) for gold in golds))
    starts = _padded([np.asarray([s for s, _ in g], np.int32) for g in golds], most)
    ends = _padded([np.asarray([e for _, e in g], np.int32) for g in golds], most)
    table = np.asarray(columns, np.int32).T
    labels = SpanLabels(*table, gold_start=starts, gold_end=ends)
    number = np.asarray(example, np.int32)
    encodings = [Encoding(window.ids, window.segments) for window in windows]
    return Rows(encodings, labels, np.zeros_like(number), number, None, tuple(windows))


def with_max_length(tokenizer: Tokenizer, max_length: int) -> Tokenizer:
    """The same tokenizer, keeping another number of tokens."""
    return dataclasses.replace(tokenizer, max_length=max_length)
