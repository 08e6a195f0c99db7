"""What every data source gives: labelled examples of one language and split."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.languages import Split
from xlnas_jax.types import DataError

LabelSet = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled texts of one language and split, in file order.

    Attributes:
        language: canonical code.
        ids: unique within the split; in parallel data the same id is the same
            sentence in every language.
        labels: position of each label in the source's label set.
    """

    language: str
    split: Split
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Int[np.ndarray, " example"]

    def __len__(self) -> int:
        return len(self.texts)


class Source(NamedTuple):
    """A labelled data set in several languages.

    It knows nothing of roles: read it through `sources.read`, which does.

    Attributes:
        labels: the label set; a class id is a position in it.
        languages: lists the canonical codes that can be read.
        read: one language and split, or `DataError`.
    """

    labels: LabelSet
    languages: Callable[[], tuple[str, ...]]
    read: Callable[[str, Split], Examples]


class Row(NamedTuple):
    """One raw example and where it stands, for error messages."""

    id: str
    text: str
    label: str
    place: str


def make_examples(
    rows: list[Row], labels: LabelSet, language: str, split: Split, origin: str
) -> Examples:
    """Check raw rows and turn their labels into class ids.

    Raises:
        DataError: no rows, an empty text, a repeated id or an unknown label.
    """
    if not rows:
        raise DataError(
            f"{origin}: split {split!r} of {language!r} must hold at least one "
            f"example; got none. Check the file, or choose another language."
        )
    index = {label: position for position, label in enumerate(labels)}
    first: dict[str, str] = {}
    for row in rows:
        if not row.text.strip():
            raise DataError(
                f"{row.place}: every example must have a text; got an empty one. "
                f"Remove the row or fill it in."
            )
        if row.id in first:
            raise DataError(
                f"{row.place}: ids must be unique within a split; got {row.id!r}, "
                f"already at {first[row.id]}. Remove one of the two."
            )
        if row.label not in index:
            raise DataError(
                f"{row.place}: every label must be one of {list(labels)}; got "
                f"{row.label!r} in split {split!r} of {language!r}. Correct the "
                f"row, or list it in data.labels."
            )
        first[row.id] = row.place
    return Examples(
        language=language,
        split=split,
        ids=tuple(row.id for row in rows),
        texts=tuple(row.text for row in rows),
        labels=np.array([index[row.label] for row in rows], np.int32),
    )


def label_set(rows: list[Row]) -> LabelSet:
    """The labels seen in `rows`, in sorted order."""
    return tuple(sorted({row.label for row in rows}))
