"""Rows with their translations: beside them, or as rows by themselves."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Int

from xlnas_jax.data.batches.rows import Beside, Rows
from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer
from xlnas_jax.data.translated import Translations, Wording

# Of each language that rows are translated into: its index, and the output layer of
# its own, or -1.
Numbers = Sequence[tuple[int, int]]


def with_beside(
    tokenizer: Tokenizer,
    rows: Rows,
    ids: Sequence[str],
    translations: Sequence[Translations],
    numbers: Numbers,
) -> Rows:
    """Every row once for each of its translations, which stands beside it.

    Rows that have none stand once, as they are, and so do those after the source's.

    Args:
        ids: of the source's rows, which are the first ones.
    """
    places: list[tuple[int, int]] = []
    for at in range(len(rows)):
        name = ids[at] if at < len(ids) else None
        have = [n for n, one in enumerate(translations) if name in one.texts]
        places += [(at, number) for number in have or [-1]]
    own, chosen = np.asarray(places, np.int64).reshape(-1, 2).T
    base = taken(rows, own)

    def wordings(name: str) -> list[Wording | None]:
        every = [getattr(one, name) for one in translations]
        return [every[n].get(ids[at]) if n >= 0 else None for at, n in places]

    is_there = chosen >= 0
    language, head = np.asarray([*numbers, (-1, -1)], np.int32)[chosen].T
    other = _beside(tokenizer, base, wordings("texts"))
    spoken = dataclasses.replace(
        other.rows,
        language=np.where(is_there, language, base.language),
        head=None if base.head is None else np.where(is_there, head, base.head),
    )
    backs = wordings("backs")
    if any(backs):
        spoken = dataclasses.replace(spoken, other=_beside(tokenizer, base, backs))
    return dataclasses.replace(base, other=Beside(spoken, other.is_there))


def with_more(
    tokenizer: Tokenizer,
    rows: Rows,
    ids: Sequence[str],
    translations: Sequence[Translations],
    numbers: Numbers,
) -> Rows:
    """The rows, and then every translation as a row by itself, language by language.

    A translation that is a row of its language already does not come again.

    Args:
        ids: of the source's rows, which are the first ones.
    """
    there = {
        (int(code), tuple(one.ids))
        for code, one in zip(rows.language, rows.encodings, strict=True)
    }
    place: list[int] = []
    encodings: list[Encoding] = []
    spoken: list[tuple[int, int]] = []
    for one, number in zip(translations, numbers, strict=True):
        own = [at for at, name in enumerate(ids) if name in one.texts]
        made = _encode(tokenizer, [one.texts[ids[at]] for at in own])
        for at, encoding in zip(own, made, strict=True):
            if (number[0], tuple(encoding.ids)) not in there:
                place.append(at)
                encodings.append(encoding)
                spoken.append(number)
    own = np.asarray(place, np.int64)
    more = taken(rows, own)
    language, head = np.asarray(spoken, np.int32).reshape(-1, 2).T
    return dataclasses.replace(
        rows,
        encodings=[*rows.encodings, *encodings],
        labels=jax.tree.map(_joined, rows.labels, more.labels),
        language=_joined(rows.language, language),
        example=np.arange(len(rows) + len(own), dtype=np.int32),
        head=None if rows.head is None else _joined(rows.head, head),
    )


def taken(rows: Rows, places: Int[np.ndarray, " row"]) -> Rows:
    """Rows at some places, each an example by itself."""
    return dataclasses.replace(
        rows,
        encodings=[rows.encodings[at] for at in places],
        labels=jax.tree.map(lambda leaf: leaf[places], rows.labels),
        language=rows.language[places],
        example=np.arange(len(places), dtype=np.int32),
        head=None if rows.head is None else rows.head[places],
    )


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.concatenate([one, other])


def _beside(
    tokenizer: Tokenizer, rows: Rows, texts: Sequence[Wording | None]
) -> Beside:
    """Rows of these texts; where there is none the row itself stands, and not there.

    A real one, so that nothing that is computed from it can be NaN.
    """
    given = [(row, one) for row, one in enumerate(texts) if one is not None]
    encodings = list(rows.encodings)
    made = _encode(tokenizer, [one for _, one in given])
    is_there = np.zeros(len(rows), np.float32)
    for (row, _), encoding in zip(given, made, strict=True):
        encodings[row] = encoding
        is_there[row] = 1.0
    return Beside(dataclasses.replace(rows, encodings=encodings), is_there)


def _encode(tokenizer: Tokenizer, wordings: Sequence[Wording]) -> list[Encoding]:
    if not wordings:
        return []
    pairs = None
    if wordings[0].pair is not None:
        pairs = [str(one.pair) for one in wordings]
    return tokenizer.encode([one.text for one in wordings], pairs)
