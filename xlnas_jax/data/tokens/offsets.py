"""Which characters of the original text a token stands for."""

import unicodedata

import numpy as np
import tokenizers
from jaxtyping import Bool, Int

Offsets = Int[np.ndarray, "token 2"]
_META = "▁"  # what SentencePiece writes for a space


def original_offsets(encoding: tokenizers.Encoding, text: str) -> Offsets:
    """The characters each token stands for, such that cutting them reads well.

    The library's offsets index the original text, whatever normalisation did, but
    - SentencePiece counts the space before a word to it: no white space here;
    - the `▁` put before a text takes its first character: it gets none here;
    - composing or stripping accents leaves a mark to no token: it goes to the one
      before it, so that no answer loses its last accent or vowel sign.
    """
    if not text or not encoding.offsets:
        return np.zeros((len(encoding.offsets), 2), np.int32)
    start, end = np.array(encoding.offsets, np.int64).T
    for token, piece in enumerate(encoding.tokens):
        if piece == _META and text[start[token] : end[token]] != _META:
            end[token] = start[token]
    size = len(text)
    place = np.arange(size)
    is_mark = np.array([_is_mark(character) for character in text])
    is_text = np.array([not character.isspace() for character in text])
    starts = np.append(np.sort(start), size)
    limit = starts[np.searchsorted(starts[:-1], end)]
    end = np.where(end > start, np.minimum(_next(~is_mark)[end], limit), end)
    start = np.minimum(_next(is_text)[start], end)
    last = np.maximum.accumulate(np.where(is_text, place + 1, 0))
    end = np.maximum(np.append(0, last)[end], start)
    return np.stack([start, end], -1).astype(np.int32)


def _next(is_wanted: Bool[np.ndarray, " character"]) -> Int[np.ndarray, " place"]:
    """For each place, the first character from there on that is wanted, or the end."""
    size = len(is_wanted)
    places = np.where(is_wanted, np.arange(size), size)
    return np.append(np.minimum.accumulate(places[::-1])[::-1], size)


def _is_mark(character: str) -> bool:
    """True for what composes with the character before it: marks, vowels of Hangul."""
    is_jamo = "\u1160" <= character <= "\u11ff"
    return is_jamo or unicodedata.category(character).startswith("M")
