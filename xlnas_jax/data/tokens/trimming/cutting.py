"""Texts as pieces, whole and without special tokens."""

from collections.abc import Sequence

import numpy as np
import tokenizers
from jaxtyping import Int

from xlnas_jax.data.tokens.published import speaking
from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer, of_words

# A text, or a sentence that is split into words.
Text = str | tuple[str, ...]
Pieces = Int[np.ndarray, " _"]


def cut(backend: tokenizers.Tokenizer, texts: Sequence[Text]) -> list[Pieces]:
    """The ids of each text.

    Raises:
        DataError: the tokenizer cannot encode one.
    """
    plain = [text for text in texts if isinstance(text, str)]
    split = [list(words) for words in texts if not isinstance(words, str)]
    found = iter(_ids(backend, plain, False))
    others = iter(_ids(of_words(backend), split, True)) if split else iter(())
    return [next(found if isinstance(text, str) else others) for text in texts]


def _ids(
    backend: tokenizers.Tokenizer,
    texts: Sequence[str] | Sequence[list[str]],
    is_split: bool,
) -> list[Pieces]:
    backend.no_truncation()
    backend.no_padding()
    with speaking("the tokenizer", "encode these texts"):
        encoded = backend.encode_batch(
            list(texts), is_pretokenized=is_split, add_special_tokens=False
        )
    return [np.asarray(one.ids, np.int64) for one in encoded]


def encode_text(tokenizer: Tokenizer, text: Text) -> Encoding:
    """One text as a network reads it, special tokens included."""
    if isinstance(text, str):
        return tokenizer.encode([text])[0]
    return tokenizer.encode_words([text])[0][0]


def num_characters(text: Text) -> int:
    """Of a text, or of all words."""
    return len(text) if isinstance(text, str) else sum(map(len, text))
