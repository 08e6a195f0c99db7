"""Languages made from a real one by known rules, at a known distance.

Three rules turn a text of the base language into one of the new language. Each
can be undone, so nothing of the meaning is lost, and each is fixed by the new
language's code alone: it never looks at data.

1. Vocabulary. Every language swaps vowels in pairs and consonants in pairs. A
   word type and its swapped image trade places if their common hash is below
   `distance`: the map is a permutation of all words, invented words keep script
   and syllable shape, and the permuted words of a smaller distance are a subset
   of those of a larger one.
2. Affixes, above distance 1/3. Every permuted word takes one of the language's
   four suffixes, each a consonant and a vowel; which one depends on the word.
3. Word order, above distance 2/3. The words of a text come in reverse order;
   spaces and punctuation stay where they are.

So the share of word types that a new language has in common with its base is
about `1 - distance`, and distance 0 changes nothing.
"""

import dataclasses
import hashlib
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from xlnas_jax.config.data import CipherData
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.data.readers.patterns import unknown_language
from xlnas_jax.languages.codes import name, normalise, script_of
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import ConfigError

# Vowels and consonants, without letters that are a letter and a mark, such as й.
ALPHABETS = {
    "Latn": ("aeiouy", "bcdfghjklmnpqrstvwxz"),
    "Cyrl": ("аеиоуыэюя", "бвгджзклмнпрстфхцчшщъь"),
    "Grek": ("αεηιουω", "βγδζθκλμνξπρστφχψ"),
}
AFFIXES_ABOVE, REVERSED_ABOVE = 1 / 3, 2 / 3
# A letter carries its combining marks, which NFC cannot always merge with it.
_WORD = re.compile("(?:[^\\W\\d_][\u0300-\u036f]*)+")


class Cipher(NamedTuple):
    """The two directions between a base language and an invented one.

    `decipher(encipher(text))` is `text` in Unicode normal form C.
    """

    encipher: Callable[[str], str]
    decipher: Callable[[str], str]


def make_cipher(
    language: str, distance: float, script: str = "Latn", seed: int = 0
) -> Cipher:
    """The rules of one invented language.

    Example:
        >>> cipher = make_cipher("x-far", 0.5)
        >>> cipher.decipher(cipher.encipher("Turkey is encircled by seas."))
        'Turkey is encircled by seas.'
    """
    tag = f"{language}:{seed}"
    swap, is_permuted = _make_vocabulary(tag, script, distance)
    add, remove = _make_affixes(tag, script, distance, is_permuted)
    is_reversed = distance > REVERSED_ABOVE

    def encipher_word(word: str) -> str:
        return add(swap(word) if is_permuted(word) else word)

    def decipher_word(word: str) -> str:
        moved = remove(word)
        return swap(moved) if is_permuted(moved) else moved

    return Cipher(
        encipher=lambda text: _map_words(text, encipher_word, is_reversed),
        decipher=lambda text: _map_words(text, decipher_word, is_reversed),
    )


def make_cipher_source(config: CipherData, base: Source) -> Source:
    """Every language of `config.distances`, read from one base language.

    Ids and labels are the base's, so that all languages are parallel. The base
    language itself can be read too, and is at distance 0 if none is given.
    """
    base_language = normalise(config.base_language)
    script = script_of(base_language)
    if script not in ALPHABETS:
        raise ConfigError(
            f"data.base_language: must be written in one of {sorted(ALPHABETS)}, "
            f"whose letters have rules; got {name(base_language)} ({script}). "
            f"Choose another base language."
        )
    ciphers = {
        code: make_cipher(code, distance, script)
        for code, distance in _distances(config, base_language).items()
    }

    def read(language: str, split: Split) -> Examples:
        if language not in ciphers:
            raise unknown_language(language, ciphers, "data.distances")
        original = base.read(base_language, split)
        assert isinstance(original, Examples)  # the configuration allows no other base
        encipher = ciphers[language].encipher
        pairs = original.pairs
        return dataclasses.replace(
            original,
            language=language,
            texts=tuple(encipher(text) for text in original.texts),
            pairs=None if pairs is None else tuple(encipher(text) for text in pairs),
        )

    return Source(
        labels=base.labels,
        languages=lambda: tuple(sorted(ciphers)),
        read=read,
        licence=base.licence,
    )


def _make_vocabulary(
    tag: str, script: str, distance: float
) -> tuple[Callable[[str], str], Callable[[str], bool]]:
    """Rule 1: the image of a word, and whether word and image trade places."""
    vowels, consonants = ALPHABETS[script]
    table = _swaps(vowels, tag) | _swaps(consonants, tag)

    @lru_cache(maxsize=100_000)
    def swap(word: str) -> str:
        decomposed = unicodedata.normalize("NFD", word).translate(table)
        return unicodedata.normalize("NFC", decomposed)

    @lru_cache(maxsize=100_000)
    def is_permuted(word: str) -> bool:
        # One hash for a word and its image: both trade places, or neither does.
        pair = min(word.casefold(), swap(word).casefold())
        return _fraction(f"{tag}:word:{pair}") < distance

    return swap, is_permuted


def _make_affixes(
    tag: str, script: str, distance: float, is_permuted: Callable[[str], bool]
) -> tuple[Callable[[str], str], Callable[[str], str]]:
    """Rule 2: add a suffix to the words that take one, and take it off again."""
    vowels, consonants = ALPHABETS[script]
    has_affixes = distance > AFFIXES_ABOVE
    suffixes = tuple(
        consonants[_number(f"{tag}:consonant:{i}", len(consonants))]
        + vowels[_number(f"{tag}:vowel:{i}", len(vowels))]
        for i in range(4)
    )

    def suffix(word: str) -> str:
        return suffixes[_number(f"{tag}:suffix:{word.casefold()}", len(suffixes))]

    def takes_suffix(word: str) -> bool:
        # A word that looks like another one suffixed must itself take a suffix,
        # or the two would become the same word.
        return is_permuted(word) or is_suffixed(word)

    def is_suffixed(word: str) -> bool:
        stem = word[:-2]
        return bool(stem) and word == stem + suffix(stem) and takes_suffix(stem)

    def add(word: str) -> str:
        return word + suffix(word) if has_affixes and takes_suffix(word) else word

    def remove(word: str) -> str:
        return word[:-2] if has_affixes and is_suffixed(word) else word

    return add, remove


def _distances(config: CipherData, base_language: str) -> dict[str, float]:
    distances = {base_language: 0.0}
    for code, distance in config.distances.items():
        if not 0 <= distance <= 1:
            raise ConfigError(
                f"data.distances: every distance must lie in [0, 1]; got {distance} "
                f"for {code!r}. Use the share of words that should differ."
            )
        distances[normalise(code)] = distance
    return distances


def _swaps(letters: str, tag: str) -> dict[int, str]:
    """Letters in random pairs, upper case alike; an odd one out stays."""
    order = sorted(letters, key=lambda letter: _fraction(f"{tag}:letter:{letter}"))
    table: dict[int, str] = {}
    for one, other in zip(order[::2], order[1::2], strict=False):
        for a, b in ((one, other), (one.upper(), other.upper())):
            table |= {ord(a): b, ord(b): a}
    return table


def _map_words(text: str, change: Callable[[str], str], is_reversed: bool) -> str:
    text = unicodedata.normalize("NFC", text)
    words = [change(word) for word in _WORD.findall(text)]
    ordered = iter(words[::-1] if is_reversed else words)
    return _WORD.sub(lambda _: next(ordered), text)


def _fraction(text: str) -> float:
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _number(text: str, below: int) -> int:
    return int(_fraction(text) * below)
