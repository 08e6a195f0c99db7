"""A tokenizer with some of its pieces alone.

    kept = choose(...)
    trimmed = trim(tokenizer, kept)

Piece `n` of the new vocabulary is piece `kept[n]` of the old one, so that row `n` of
the new embedding is row `kept[n]` of the old.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tokenizers
from jaxtyping import Int

from xlnas_jax.data.tokens.published import speaking, unknown_id
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.registry import kind_of
from xlnas_jax.types import ConfigError, brief

Content = dict[str, Any]


def content_of(backend: tokenizers.Tokenizer) -> Content:
    """The pipeline as `tokenizer.json` has it."""
    return json.loads(backend.to_str())


def specials(content: Content, pad_id: int) -> dict[int, str]:
    """Pieces with a meaning of their own: those that were added, or are put in."""
    found = {pad_id: "the padding"}
    found |= {id: name for name, id in _put_in(content["post_processor"])}
    return found | {one["id"]: one["content"] for one in content["added_tokens"]}


def trim(tokenizer: Tokenizer, kept: Int[np.ndarray, " kept"]) -> Tokenizer:
    """The tokenizer without all other pieces.

    Args:
        kept: ids of the old vocabulary, ascending.

    Raises:
        ConfigError: a special piece, or one that a kept one is made of, is not kept;
            or the pieces cannot be numbered in order.
    """
    content = content_of(tokenizer.backend)
    new = {old: number for number, old in enumerate(kept.tolist())}
    _require_needed(content, tokenizer, new)
    content |= {
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {**one, "id": new[one["id"]]} for one in content["added_tokens"]
        ],
        "post_processor": _renumbered(content["post_processor"], new),
        "model": kind_of(content["model"]).cut(content["model"], new),
    }
    with speaking("model.vocabulary", "leave a tokenizer that `tokenizers` can read"):
        backend = tokenizers.Tokenizer.from_str(json.dumps(content))
    _require_order(tokenizer.backend, backend, kept)
    return dataclasses.replace(
        tokenizer,
        backend=backend,
        pad_id=new[tokenizer.pad_id],
        unk_id=unknown_id(backend),
    )


def _require_needed(
    content: Content, tokenizer: Tokenizer, new: Mapping[int, int]
) -> None:
    model = content["model"]
    needed = specials(content, tokenizer.pad_id)
    if tokenizer.unk_id is not None:
        needed.setdefault(tokenizer.unk_id, "the unknown")
    for old, name in sorted(needed.items()):
        if old not in new:
            raise ConfigError(
                f"model.vocabulary: every special piece must be kept, since the "
                f"encoder was trained with it; got a trimming without {brief(name)}, "
                f"piece {old}. Keep it too."
            )
    parts = kind_of(model).with_parts(model, new) - set(new)
    if parts:
        name = brief(tokenizer.backend.id_to_token(min(parts)))
        raise ConfigError(
            f"model.vocabulary: what kept pieces are merged from must be kept; got a "
            f"trimming without {name}, piece {min(parts)}. Keep it too."
        )


def _require_order(
    old: tokenizers.Tokenizer, new: tokenizers.Tokenizer, kept: Int[np.ndarray, " kept"]
) -> None:
    """An error unless every piece has its place among those that are kept."""
    for number, id in enumerate(kept.tolist()):
        piece = old.id_to_token(id)
        if piece is not None and new.token_to_id(piece) != number:
            raise ConfigError(
                f"model.vocabulary: pieces must keep their order to be trimmed; got "
                f"{new.token_to_id(piece)} instead of {number} for {brief(piece)}. "
                f"Leave model.vocabulary out, or give every piece of tokenizer.json "
                f"an id of its own, added tokens the last ones."
            )


def _put_in(processor: Any) -> Iterator[tuple[str, int]]:
    """Names and ids of the tokens that a post-processor puts in, whatever its kind."""
    match processor:
        case [str() as name, int() as id]:  # of BERT's and RoBERTa's
            yield name, id
        case {"tokens": [*names], "ids": [*ids]}:  # of a template's
            yield from zip(names, ids, strict=True)
        case dict() | list():
            inner = processor.values() if isinstance(processor, dict) else processor
            for one in inner:
                yield from _put_in(one)


def _renumbered(processor: Any, new: Mapping[int, int]) -> Any:
    """The same post-processor, with new ids for its tokens."""
    match processor:
        case [str() as name, int() as id]:
            return [name, new[id]]
        case {"tokens": [*_], "ids": [*ids]}:
            return {**processor, "ids": [new[id] for id in ids]}
        case dict():
            return {key: _renumbered(one, new) for key, one in processor.items()}
        case list():
            return [_renumbered(one, new) for one in processor]
    return processor
