"""Word by word, by a dictionary of each pair of languages."""

import functools
from collections.abc import Callable

from xlnas_jax.config.augment.translators import DictionaryTranslator
from xlnas_jax.data.translators.base import Texts
from xlnas_jax.data.translators.lexicon import Lexicon, read_lexicon, require_words
from xlnas_jax.data.translators.places import find_place
from xlnas_jax.data.words import replaced, words_of

# `(source, target) -> Lexicon`, or `DataError`.
Lexicons = Callable[[str, str], Lexicon]


class WordByWord:
    """A translator by dictionaries, each of which is made when it is asked for."""

    def __init__(self, lexicons: Lexicons) -> None:
        self.lexicon = functools.cache(lexicons)

    def translate(self, texts: Texts, source: str, target: str) -> list[str | None]:
        """With the best translation of each word; words that have none stay.

        A text none of whose words has one has none itself.
        """
        lookup = self.lexicon(source, target).lookup
        found: list[str | None] = []
        for text in texts:
            spans = words_of(text).spans
            best = [lookup(text[start:end])[:1] for start, end in spans]
            changes = [
                (span, one[0]) for span, one in zip(spans, best, strict=True) if one
            ]
            found.append(replaced(text, changes) if changes else None)
        return found

    def words(self, words: Texts, source: str, target: str) -> list[tuple[str, ...]]:
        """As the dictionary has them."""
        return [*map(self.lexicon(source, target).lookup, words)]


def read_lexicons(config: DictionaryTranslator, where: str, skip: bool) -> Lexicons:
    """Dictionaries of files."""

    def lexicon(source: str, target: str) -> Lexicon:
        place = find_place(config.path, source, target, turns=True, where=where)
        found = read_lexicon(place.path, place.is_turned, skip)
        return require_words(found, config.least, (source, target), where)

    return lexicon
