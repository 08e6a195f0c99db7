"""Unigram: the best of all ways to put a text together from pieces.

The best of fewer ways is the same, as long as it is among them: so a text is cut as
before if the pieces that it was cut into are kept. What else decides: a character is
unknown where no piece is that character, and costs a constant more than the worst piece
of the vocabulary. Therefore single characters stay, and the worst piece.

References:
    Kudo, "Subword regularization", 2018. https://arxiv.org/abs/1804.10959
"""

from collections.abc import Mapping
from typing import Any

from xlnas_jax.data.tokens.trimming.base import (
    Kind,
    Model,
    is_byte,
    is_single,
    nothing_more,
    nothing_unseen,
)

# What stands for the space before a word.
MARK = "\u2581"


def lasting(model: Model) -> set[int]:
    """Single characters, also behind the mark of a word; bytes; the worst piece."""
    pieces = [piece for piece, _ in model["vocab"]]
    found = {
        number
        for number, piece in enumerate(pieces)
        if is_single(piece, (MARK,)) or is_byte(piece, model)
    }
    scores = [score for _, score in model["vocab"]]
    if scores:
        found.add(scores.index(min(scores)))
    return found if model["unk_id"] is None else found | {model["unk_id"]}


def cut(model: Model, new: Mapping[int, int]) -> dict[str, Any]:
    """Pieces with their scores, which stay as they are: only their order counts."""
    kept = [entry for old, entry in enumerate(model["vocab"]) if old in new]
    unknown = model["unk_id"]
    return {**model, "vocab": kept, "unk_id": None if unknown is None else new[unknown]}


UNIGRAM = Kind(lasting, nothing_more, cut, nothing_unseen)
