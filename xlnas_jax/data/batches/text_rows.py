"""Rows of text without labels, in the form of a task's labelled rows.

What stands in the place of labels says where predictions are read, and is never
learnt: `Rows.labelled` is 0.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.data.texts import Texts
from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer
from xlnas_jax.data.tokens.windows import Window, make_windows
from xlnas_jax.tasks.qa import SpanLabels
from xlnas_jax.tasks.tagging import TagLabels


def make_text_rows(
    tokenizer: Tokenizer,
    kind: str,
    parts: Sequence[Texts],
    languages: Sequence[int],
    doc_stride: int = 128,
) -> Rows:
    """Tokenises texts for a kind of task, one part after another.

    Of tagging every token is read, of questions the first text of a pair is the
    question and the second one the context.

    Args:
        languages: the index that stands for each part's language.
    """
    encodings: list[Encoding] = []
    windows: list[Window] = []
    example: list[int] = []
    counts = []
    for part in parts:
        first = example[-1] + 1 if example else 0
        if kind == "qa":
            assert part.pairs is not None
            cut = make_windows(tokenizer, part.texts, part.pairs, doc_stride)
            own = [window for every in cut for window in every]
            windows += own
            encodings += [Encoding(window.ids, window.segments) for window in own]
            example += [first + n for n, every in enumerate(cut) for _ in every]
        else:
            own = tokenizer.encode(part.texts, part.pairs)
            encodings += own
            example += range(first, first + len(own))
        counts.append(len(own))
    return Rows(
        encodings=encodings,
        labels=_places(kind, encodings, windows, example),
        language=np.repeat(np.asarray(languages, np.int32), counts),
        example=np.asarray(example, np.int32),
        windows=tuple(windows),
        labelled=np.zeros(len(encodings), np.float32),
    )


def join_rows(first: Rows, second: Rows) -> Rows:
    """The rows of both; examples of the second come after those of the first."""
    assert first.other is None and second.other is None, "no method takes both"
    after = int(first.example.max(initial=-1)) + 1
    own = -np.ones(len(second), np.int32)
    return dataclasses.replace(
        first,
        encodings=[*first.encodings, *second.encodings],
        labels=jax.tree.map(_joined, first.labels, second.labels),
        language=np.concatenate([first.language, second.language]),
        example=np.concatenate([first.example, second.example + after]),
        head=None if first.head is None else np.concatenate([first.head, own]),
        windows=(*first.windows, *second.windows),
        labelled=np.concatenate([_labelled(first), _labelled(second)]),
        unit=None
        if first.unit is None
        else np.concatenate([first.unit, _alone(first, second)]),
    )


def _labelled(rows: Rows) -> np.ndarray:
    return np.ones(len(rows), np.float32) if rows.labelled is None else rows.labelled


def _alone(first: Rows, second: Rows) -> np.ndarray:
    """Numbers of units for rows that are by themselves, none of them taken."""
    assert first.unit is not None and second.unit is None
    start = int(first.unit.max(initial=-1)) + 1
    return start + np.arange(len(second), dtype=np.int32)


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One after another; rows of different lengths are filled up with -1."""
    if first.ndim == 1:
        return np.concatenate([first, second])
    size = max(first.shape[1], second.shape[1])
    filled = [
        np.pad(one, ((0, 0), (0, size - one.shape[1])), constant_values=-1)
        for one in (first, second)
    ]
    return np.concatenate(filled)


def _places(
    kind: str,
    encodings: Sequence[Encoding],
    windows: Sequence[Window],
    example: Sequence[int],
) -> Any:
    """What stands where labels would."""
    num = len(encodings)
    zero = np.zeros(num, np.int32)
    if kind == "classification":
        return zero
    if kind == "retrieval":
        return zero - 1
    if kind == "tagging":
        most = max(1, *(len(one.ids) - 2 for one in encodings))
        position = np.full((num, most), -1, np.int32)
        for row, one in zip(position, encodings, strict=True):
            count = max(0, len(one.ids) - 2)
            row[:count] = 1 + np.arange(count)
        return TagLabels(position=position, tag=np.where(position < 0, -1, 0))
    place = [(window.first, window.last, window.shift) for window in windows]
    first, last, shift = np.asarray(place, np.int32).reshape(num, 3).T
    gold = np.full((num, 1), -1, np.int32)
    number = np.asarray(example, np.int32)
    return SpanLabels(zero, zero, first, last, shift, number, gold, gold)
