"""Rows of translations: each side of a pair is one.

Labels are numbers of meanings: rows with the same are translations of each other.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.data.batches.buckets import BucketPlan, Places, places_of
from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.data.examples import PairExamples
from xlnas_jax.data.tokens.tokenizer import Tokenizer


class Pool(NamedTuple):
    """Where the two sides of the pairs of one language stand in scoring batches."""

    ours: Places
    theirs: Places


def training_pairs(
    tokenizer: Tokenizer,
    parts: Sequence[PairExamples],
    languages: Sequence[int],
    source: str,
) -> Rows:
    """Both sides of every pair, one after another, as one unit of the pair's language.

    Texts of the source alone have no translation, and so no label.
    """
    texts: list[str] = []
    label: list[int] = []
    language: list[int] = []
    unit: list[int] = []
    meaning: dict[str, int] = {}
    for part, number in zip(parts, languages, strict=True):
        for text, other in zip(part.texts, part.translations, strict=True):
            own = [text] if part.language == source else [text, other]
            known = -1
            if part.language != source:
                known = meaning.setdefault(other, len(meaning))
            first = unit[-1] + 1 if unit else 0
            texts += own
            label += [known] * len(own)
            language += [number] * len(own)
            unit += [first] * len(own)
    labels = np.asarray(label, np.int32)
    return Rows(
        encodings=tokenizer.encode(texts),
        labels=labels,
        language=np.asarray(language, np.int32),
        example=np.asarray(unit, np.int32),
        labelled=(labels >= 0).astype(np.float32),
        unit=np.asarray(unit, np.int32),
    )


def scoring_pairs(
    tokenizer: Tokenizer,
    parts: Sequence[PairExamples],
    languages: Sequence[int],
    source: int,
) -> Rows:
    """A row for every example, in order, and then one for each of their translations.

    A translation that several languages share is one row, of the source's language
    (`source` is its index). As examples translations come after all others.
    """
    texts = [text for part in parts for text in part.texts]
    others = [text for part in parts for text in part.translations]
    meaning = {text: number for number, text in enumerate(dict.fromkeys(others))}
    own = np.repeat(np.asarray(languages, np.int32), [len(part) for part in parts])
    labels = [meaning[text] for text in others]
    return Rows(
        encodings=tokenizer.encode([*texts, *meaning]),
        labels=np.asarray([*labels, *meaning.values()], np.int32),
        language=np.concatenate([own, np.full(len(meaning), source, np.int32)]),
        example=np.arange(len(texts) + len(meaning), dtype=np.int32),
    )


def translations(rows: Rows, count: int) -> Int[np.ndarray, " example"]:
    """The row of each example's translation, of `scoring_pairs` of `count` examples."""
    row = {int(label): count + n for n, label in enumerate(rows.labels[count:])}
    return np.asarray([row[int(label)] for label in rows.labels[:count]], np.int64)


def pools(
    rows: Rows, plans: Sequence[BucketPlan], counts: Sequence[int]
) -> tuple[Pool, ...]:
    """Of every part, where its pairs stand.

    Args:
        counts: examples of each part.
    """
    place = places_of(plans, len(rows))
    other = translations(rows, sum(counts))
    ends = np.cumsum(counts)
    return tuple(
        Pool(place[start:stop], place[other[start:stop]])
        for start, stop in zip([0, *ends[:-1]], ends, strict=True)
    )


def pairs_of(
    rows: Int[np.ndarray, " row"], label: Int[np.ndarray, " every"]
) -> Int[np.ndarray, "unit 2"]:
    """Units of rows that `training_pairs` put next to each other; -1: there is none.

    Args:
        label: of all rows of the bucket.
    """
    found: list[tuple[int, int]] = []
    left = rows.tolist()
    at = 0
    while at < len(left):
        one = left[at]
        is_pair = (
            label[one] >= 0
            and at + 1 < len(left)
            and left[at + 1] == one + 1
            and label[one + 1] == label[one]
        )
        found.append((one, one + 1 if is_pair else -1))
        at += 2 if is_pair else 1
    return np.asarray(found, np.int64).reshape(-1, 2)
