"""What is said of the training rows that are made of others."""

from collections.abc import Iterator
from typing import Any

from xlnas_jax.experiment.parts import TaskPart
from xlnas_jax.terminal.text import Grid


def augmentation_tables(part: TaskPart, where: str) -> Iterator[Grid]:
    """By entry of `train.augment`, what became of rows and words; none where absent."""
    if part.source.learnt is None:
        return
    learnt = part.source.learnt()
    rows = []
    for one in learnt.made:
        codes = ", ".join(part.codes.get(code, code) for code in one.languages)
        counts = ", ".join(f"{count:,} {what}" for what, count in one.counts.items())
        rows.append((one.kind, codes, one.by, counts))
    notes = [f"{len(learnt.examples):,} rows of {part.roles.source} are learnt from."]
    used = {code for one in learnt.made for code in one.languages}
    if used & set(part.roles.target):
        notes.append("Text of targets is used (languages.target_text).")
    headings = ("kind", "languages", "by", "what became of rows and words")
    yield Grid(f"{where}Augmentation", headings, rows, tuple(notes))


def augmentation_of(part: TaskPart) -> dict[str, Any]:
    """The same for `front.json`, beside `rows`, which tells what the files have."""
    if part.source.learnt is None:
        return {}
    return {
        "augmented": [
            {
                "kind": one.kind,
                "languages": [part.codes.get(code, code) for code in one.languages],
                "by": one.by,
                "counts": dict(one.counts),
            }
            for one in part.source.learnt().made
        ]
    }
