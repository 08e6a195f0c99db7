"""The words of a text, wherever spaces tell them apart."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

Span = tuple[int, int]
# What stands within words of some languages: apostrophes, and what joins letters.
_JOINERS = "'\u2019\u200c\u200d"
# Blocks of scripts that are written without spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0002fa1f]"
)
# Of the classes of characters, not of characters.
_RUNS = re.compile("w(?:j?w)*|u+")
_TOKENS = re.compile("[wud]+(?:[jp][wud]+)*|[^s]")


class Words(NamedTuple):
    """Where words stand in a text.

    Attributes:
        spans: of each word, in order.
        unspaced: runs of letters that no space divides into words, left aside.
    """

    spans: tuple[Span, ...]
    unspaced: int


def words_of(text: str) -> Words:
    """Runs of letters with their marks.

    Example:
        >>> text = "Don't mix 3 mètres, भाषा and 言語."
        >>> [text[start:end] for start, end in words_of(text).spans]
        ["Don't", 'mix', 'mètres', 'भाषा', 'and']
        >>> words_of(text).unspaced
        1
    """
    classes = "".join(map(_class_of, text))
    runs = list(_RUNS.finditer(classes))
    spans = tuple(run.span() for run in runs if run[0][0] == "w")
    return Words(spans, len(runs) - len(spans))


def tokens_of(text: str) -> list[str]:
    """Words, numbers, and marks by themselves, as taggers' data have them.

    Example:
        >>> tokens_of("He's in the U.S. now, isn't he?")
        ["He's", 'in', 'the', 'U.S', '.', 'now', ',', "isn't", 'he', '?']
    """
    classes = "".join(map(_class_of, text))
    return [text[slice(*run.span())] for run in _TOKENS.finditer(classes)]


def replaced(text: str, changes: Sequence[tuple[Span, str]]) -> str:
    """The text with others in place of some of its parts, which are in order."""
    parts, end = [], 0
    for (start, stop), other in changes:
        parts += [text[end:start], other]
        end = stop
    return "".join([*parts, text[end:]])


def moved(place: int, changes: Sequence[tuple[Span, str]]) -> int:
    """Where a place of the text is after `replaced`; none within what is replaced."""
    return place + sum(
        len(other) - (stop - start) for (start, stop), other in changes if stop <= place
    )


@lru_cache(maxsize=1 << 16)
def _class_of(character: str) -> str:
    """`w` of a letter or mark, `u` of one without spaces, `d` of a digit, and so on."""
    if character in _JOINERS:
        return "j"
    if character in "-.":
        return "p"
    if character.isspace():
        return "s"
    if _UNSPACED.match(character):
        return "u"
    return {"L": "w", "M": "w", "N": "d"}.get(unicodedata.category(character)[0], ".")
