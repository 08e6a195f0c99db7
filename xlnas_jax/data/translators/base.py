"""What a translator is, and that it keeps to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from xlnas_jax.languages.codes import named
from xlnas_jax.types import DataError, brief

Texts = Sequence[str]


@runtime_checkable
class Translator(Protocol):
    """Translates between two languages, of which it may know one direction alone."""

    def translate(self, texts: Texts, source: str, target: str) -> list[str | None]:
        """Each text in the other language; None where it has no translation."""
        ...

    def words(self, words: Texts, source: str, target: str) -> list[tuple[str, ...]]:
        """Of each word its translations, the best first; none where there are none."""
        ...


@dataclass(frozen=True)
class Named:
    """A translator under the name that its user knows it by, held to its protocol.

    Attributes:
        where: the option that asks for it.
        told: what it translates by. licence: of that; empty: unknown.
        most: texts that are given to it at once.
    """

    where: str
    told: str
    inner: Translator
    licence: Callable[[str, str], str] = lambda source, target: ""
    most: int = 1024

    def translate(self, texts: Texts, source: str, target: str) -> list[str | None]:
        """As `Translator.translate`; an empty translation is none.

        Raises:
            DataError: it gives other than one text, or None, for each.
        """
        found: list[str | None] = []
        for start in range(0, len(texts), self.most):
            given = texts[start : start + self.most]
            made = self.inner.translate(given, source, target)
            self._require(made, len(given), (source, target), "text, or None,")
            found += [one if one and one.strip() else None for one in made]
        return found

    def words(self, words: Texts, source: str, target: str) -> list[tuple[str, ...]]:
        """As `Translator.words`; empty translations are left out."""
        found: list[tuple[str, ...]] = []
        for start in range(0, len(words), self.most):
            given = words[start : start + self.most]
            made = self.inner.words(given, source, target)
            self._require(made, len(given), (source, target), "list of words")
            found += [tuple(" ".join(w.split()) for w in one) for one in made]
        return [tuple(word for word in one if word) for one in found]

    def by(self, source: str, languages: Texts) -> str:
        """What it translates by, and under which licences."""
        every = [self.licence(source, one) for one in languages]
        known = "; ".join(dict.fromkeys(filter(None, every)))
        return f"{self.told} (licence: {known or 'unknown'})"

    def _require(
        self, made: object, count: int, languages: tuple[str, str], what: str
    ) -> None:
        got = len(made) if isinstance(made, list) else brief(made)
        if got != count:
            source, target = map(named, languages)
            raise DataError(
                f"{self.where}: {self.told} must give one {what} for each of {count} "
                f"given, from {source} into {target}; got {got}. Use another "
                f"translator."
            )


def words_as_texts(
    translator: Translator, words: Texts, source: str, target: str
) -> list[tuple[str, ...]]:
    """Words of a translator that knows texts alone."""
    found = translator.translate(list(words), source, target)
    return [(one,) if one else () for one in found]
