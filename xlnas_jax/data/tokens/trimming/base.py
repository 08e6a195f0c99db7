"""What trimming needs to know of one kind of tokenizer model."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import tokenizers

# A model as `tokenizer.json` has it.
Model = Mapping[str, Any]
Ids = Collection[int]

_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


class Kind(NamedTuple):
    """How the pieces of one kind of model depend on each other.

    Attributes:
        lasting: pieces that stay whatever texts use: single characters, bytes, the
            unknown piece, and what the model's own choices hang on.
        with_parts: these pieces, and all that they are put together from.
        cut: the model with some of its pieces alone, by their new ids, which are in
            the order of the old ones.
        unseen: pieces that decided how texts were cut though they are in no token;
            as often as they did.
    """

    lasting: Callable[[Model], set[int]]
    with_parts: Callable[[Model, Ids], set[int]]
    cut: Callable[[Model, Mapping[int, int]], dict[str, Any]]
    unseen: Callable[[tokenizers.Tokenizer, Model, Sequence[str]], Iterable[int]]


def nothing_more(model: Model, ids: Ids) -> set[int]:
    """Of models that put nothing together."""
    del model
    return set(ids)


def nothing_unseen(
    backend: tokenizers.Tokenizer, model: Model, texts: Sequence[str]
) -> tuple[int, ...]:
    """Of models that show every piece they choose."""
    del backend, model, texts
    return ()


def is_single(piece: str, before: Collection[str] = (), behind: str = "") -> bool:
    """Whether a piece is one character, with or without marks of its place."""
    if behind and piece != behind:
        piece = piece.removesuffix(behind)
    return len(piece) == 1 or any(
        mark and piece.startswith(mark) and len(piece) <= len(mark) + 1
        for mark in before
    )


def is_byte(piece: str, model: Model) -> bool:
    """Whether a piece stands for a byte of characters that the model does not have."""
    return bool(model.get("byte_fallback")) and _BYTE.fullmatch(piece) is not None


def of_mapping(model: Model, new: Mapping[int, int]) -> dict[str, int]:
    """The vocabulary of kept pieces, where it is one of pieces to ids."""
    return {piece: new[old] for piece, old in model["vocab"].items() if old in new}
