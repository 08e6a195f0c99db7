"""BPE: of all neighbours that may be merged, those of the earliest merge.

A text is cut as before if every merge that took part is kept: then it is still the
earliest of those that are left. Therefore a kept piece keeps every merge that makes it,
and with these the pieces that are merged, down to single characters; of byte-level
vocabularies these are the bytes.

References:
    Sennrich et al., "Neural machine translation of rare words with subword units",
    2016. https://arxiv.org/abs/1508.07909
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from xlnas_jax.data.tokens.trimming.base import (
    Ids,
    Kind,
    Model,
    is_byte,
    is_single,
    nothing_unseen,
    of_mapping,
)
from xlnas_jax.types import ConfigError, brief

Merge = tuple[str, str, str]


def lasting(model: Model) -> set[int]:
    """The alphabet, wherever in a word it stands; bytes; the unknown."""
    before = (model["continuing_subword_prefix"] or "",)
    behind = model["end_of_word_suffix"] or ""
    return {
        old
        for piece, old in model["vocab"].items()
        if is_single(piece, before, behind)
        or is_byte(piece, model)
        or piece == model["unk_token"]
    }


def with_parts(model: Model, ids: Ids) -> set[int]:
    """Pieces with all that is merged on the way to them."""
    vocabulary = model["vocab"]
    parts = defaultdict(set)
    for first, second, product in _merges(model):
        parts[vocabulary[product]] |= {vocabulary[first], vocabulary[second]}
    found, pending = set(ids), list(ids)
    while pending:
        new = parts[pending.pop()] - found
        found |= new
        pending += new
    return found


def cut(model: Model, new: Mapping[int, int]) -> dict[str, Any]:
    """Fewer pieces, and the merges that make them, in their order."""
    vocabulary = of_mapping(model, new)
    merges = [[one, two] for one, two, made in _merges(model) if made in vocabulary]
    return {**model, "vocab": vocabulary, "merges": merges}


def _merges(model: Model) -> Iterator[Merge]:
    """Both parts, and what they make; a part within a word loses its mark.

    Raises:
        ConfigError: one of these is no piece, as where several have one id.
    """
    size = len(model["continuing_subword_prefix"] or "")
    for first, second in model["merges"]:
        merge = first, second, first + second[size:]
        lost = next((piece for piece in merge if piece not in model["vocab"]), None)
        if lost is not None:
            raise ConfigError(
                f"model.vocabulary: merges must be of pieces with an id of their own; "
                f"got {brief(lost)}, which has none. Mend tokenizer.json, or leave "
                f"model.vocabulary out."
            )
        yield merge


BPE = Kind(lasting, with_parts, cut, nothing_unseen)
