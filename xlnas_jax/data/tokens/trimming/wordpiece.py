"""WordPiece: of what is left of a word, the longest piece that it begins with.

A word is cut as before if the pieces that it was cut into are kept: what is longer did
not fit before. A word of which something is left that no piece begins is unknown as a
whole, and the pieces that fitted before are not seen in it: without them shorter ones
would, and perhaps to the end. Therefore they are counted too.

References:
    Devlin et al., "BERT", 2019. https://arxiv.org/abs/1810.04805
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tokenizers

from xlnas_jax.data.tokens.trimming.base import (
    Kind,
    Model,
    is_single,
    nothing_more,
    of_mapping,
)


def lasting(model: Model) -> set[int]:
    """Single characters, as the first of a word and as a later one; the unknown."""
    prefix, vocabulary = model["continuing_subword_prefix"], model["vocab"]
    found = {old for piece, old in vocabulary.items() if is_single(piece, (prefix,))}
    unknown = vocabulary.get(model["unk_token"])
    return found if unknown is None else found | {unknown}


def cut(model: Model, new: Mapping[int, int]) -> dict[str, Any]:
    """The same model of fewer pieces."""
    return {**model, "vocab": of_mapping(model, new)}


def unseen(
    backend: tokenizers.Tokenizer, model: Model, texts: Sequence[str]
) -> Iterator[int]:
    """Pieces that words begin with which are unknown as a whole."""
    unknown = model["vocab"].get(model["unk_token"])
    cut_texts = backend.encode_batch(list(texts), add_special_tokens=False)
    for text, one in zip(texts, cut_texts, strict=True):
        if unknown in one.ids:
            for word in _words(backend, text):
                yield from _fitting(model, word)


def _words(backend: tokenizers.Tokenizer, text: str) -> list[str]:
    if backend.normalizer is not None:
        text = backend.normalizer.normalize_str(text)
    if backend.pre_tokenizer is None:
        return [text]
    return [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(text)]


def _fitting(model: Model, word: str) -> list[int]:
    """Pieces at the beginning of an unknown word; none of one that is known."""
    prefix, vocabulary = model["continuing_subword_prefix"], model["vocab"]
    if len(word) > model["max_input_chars_per_word"]:  # not looked at
        return []
    found, start = [], 0
    while start < len(word):
        mark = prefix if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if mark + word[start:end] in vocabulary), None)
        if end is None:
            return found
        found.append(vocabulary[mark + word[start:end]])
        start = end
    return []


WORDPIECE = Kind(lasting, nothing_more, cut, unseen)
