"""Parallel text of an invented language, whose words' translations are known."""

import numpy as np

from xlnas_jax.data.cipher import make_cipher

ONSETS, RHYMES = ("b", "d", "k", "l", "m", "p", "s", "t"), ("a", "en", "i", "or", "ul")


def vocabulary(size: int = 120) -> list[str]:
    """Invented words of two syllables."""
    rng = np.random.default_rng(0)
    every = [
        a + b + c + d for a in ONSETS for b in RHYMES for c in ONSETS for d in RHYMES
    ]
    return [every[n] for n in rng.permutation(len(every))[:size]]


def planted(
    distance: float, sentences: int = 400, seed: int = 1
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Pairs of sentences, and what each word is in the other language.

    Words are as frequent as in real text, the first ones most; beyond a distance of
    2/3 their order is another one.
    """
    words, rng = vocabulary(), np.random.default_rng(seed)
    shares = 1.0 / np.arange(3, len(words) + 3)
    encipher = make_cipher("x-far", distance).encipher
    pairs = []
    for _ in range(sentences):
        own = rng.choice(words, rng.integers(4, 10), p=shares / shares.sum())
        text = " ".join(own)
        pairs.append((text, encipher(text)))
    return pairs, {word: encipher(word) for word in words}
