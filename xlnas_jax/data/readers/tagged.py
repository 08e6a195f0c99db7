"""From raw sentences of any source to checked, tagged examples."""

import numpy as np

from xlnas_jax.data.examples import (
    LabelSet,
    TaggedExamples,
    TaggedRow,
    listed,
    require_some,
)
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.languages.roles import Split
from xlnas_jax.tasks.tagging import has_entities
from xlnas_jax.types import brief

STRAY = "I- that begins an entity, read as B-"


def to_iob2(tags: list[str], faults: Faults) -> list[str]:
    """The same entities with a `B-` at the start of each.

    An `I-` that continues no entity of its type begins one. So `IO` and `IOB1` are
    converted, and stray tags of `IOB2` repaired, as conlleval reads them.
    """
    fixed = []
    for before, tag in zip(["O", *tags], tags, strict=False):
        if tag.startswith("I-") and before[2:] != tag[2:]:
            faults.note(STRAY)
            tag = f"B-{tag[2:]}"
        fixed.append(tag)
    return fixed


def make_tagged(
    rows: list[TaggedRow],
    labels: LabelSet,
    language: str,
    split: Split,
    origin: str,
    faults: Faults | None = None,
) -> TaggedExamples:
    """Check raw sentences and turn their tags into positions in the label set.

    Where the labels are IOB2, an `I-` that begins an entity is read as `B-`.

    Raises:
        DataError: no rows are left, or, unless `faults` passes over it, a sentence
            is empty, repeats an id or has a tag outside the label set.
    """
    faults = Faults() if faults is None else faults
    index = {label: position for position, label in enumerate(labels)}
    first: dict[str, str] = {}
    kept: list[TaggedRow] = []
    for row in rows:
        if _is_usable(row, index, first, faults):
            first[row.id] = row.place
            kept.append(row)
    require_some(kept, language, split, origin)
    is_iob2 = has_entities(labels)
    tags = [to_iob2(list(r.tags), faults) if is_iob2 else r.tags for r in kept]
    return TaggedExamples(
        language=language,
        split=split,
        ids=tuple(row.id for row in kept),
        words=tuple(row.words for row in kept),
        tags=tuple(np.array([index[tag] for tag in each], np.int32) for each in tags),
        report=faults.report(len(rows), len(kept)),
    )


def _is_usable(
    row: TaggedRow, index: dict[str, int], first: dict[str, str], faults: Faults
) -> bool:
    if not row.words:
        faults.reject(
            "empty sentence",
            f"{row.place}: every sentence must have a word; got none. Remove it.",
        )
        return False
    if row.id in first:
        faults.reject(
            "repeated id",
            f"{row.place}: ids must be unique within a split; got {brief(row.id)}, "
            f"already at {first[row.id]}. Remove one of the two.",
        )
        return False
    for word, tag in zip(row.words, row.tags, strict=True):
        if tag not in index:
            faults.reject(
                "unknown tag",
                f"{row.place}: every tag must be one of {listed(list(index))}; got "
                f"{brief(tag)} for the word {brief(word)} in the sentence that begins "
                f"there. Correct it; where the data set leaves its types open, "
                f"data.map can rename one, or drop it.",
            )
            return False
    return True
