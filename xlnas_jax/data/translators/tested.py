"""Test rows as they are in the language that weights learnt from.

References:
    Conneau et al., "XNLI", 2018, and Hu et al., "XTREME", 2020, whose baseline
    translate-test is. https://arxiv.org/abs/2003.11080
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from xlnas_jax.config.augment.translate_test import TranslateTestConfig
from xlnas_jax.config.augment.translators import FileTranslator
from xlnas_jax.data.examples import AnyExamples, Examples, Source, TaggedExamples
from xlnas_jax.data.translators.base import Named
from xlnas_jax.data.translators.dictionary import WordByWord
from xlnas_jax.data.translators.places import find_place
from xlnas_jax.data.translators.registry import make_translator
from xlnas_jax.languages.codes import normalise
from xlnas_jax.types import ConfigError

WHERE = "translate_test.translator"


class Left(NamedTuple):
    """What became of the rows of a language.

    Attributes:
        rows: all of them.
        left: those without a translation, which are read as they are.
    """

    rows: int
    left: int


class Translation:
    """Translates test rows into one language.

    Args:
        data: of the task, some of whose rows may be translations.
        language: into which, and which is left as it is.
        skip: pass over faulty rows of files.

    Raises:
        ConfigError: rows of the task cannot be translated so.
    """

    def __init__(
        self,
        config: TranslateTestConfig,
        data: Source,
        language: str,
        *,
        skip: bool = False,
        seed: int = 0,
    ) -> None:
        self._config, self._data = config, data
        self._language = normalise(language)
        self._skip, self._seed = skip, seed
        self._one: Named | None = None
        self.counts: dict[str, Left] = {}
        self.by: dict[str, str] = {}
        if data.task not in ("classification", "tagging"):
            raise ConfigError(
                f"translate_test: only classified texts and tagged words are read in "
                f"translation, whose labels stay true; got rows of {data.task}, whose "
                f"answers stand in the text itself. Leave it out."
            )

    def __call__(self, rows: AnyExamples) -> AnyExamples:
        """The rows with other texts, and as rows of the language they are in then.

        Raises:
            ConfigError: words are tagged, and the translator knows texts alone.
            DataError: it does not know the two languages.
        """
        code = normalise(rows.language)
        if code == self._language:
            return rows
        translator = self._translator(rows)
        self.by.setdefault(code, translator.by(code, (self._language,)))
        given = translator, code
        if isinstance(rows, TaggedExamples):
            changes, left = self._words(rows, *given)
        else:
            assert isinstance(rows, Examples)
            changes, left = self._texts(rows, *given)
        self.counts[code] = Left(len(rows), left)
        return dataclasses.replace(rows, language=self._language, **changes)

    def require(self, code: str, rows: AnyExamples) -> None:
        """An error unless a language can be translated; no row of it is looked at.

        Args:
            rows: some of the language that is translated into.
        """
        if isinstance(self._config.translator, FileTranslator):
            path = self._config.translator.path
            find_place(path, code, self._language, turns=False, where=WHERE)
        translator = self._translator(rows)
        if isinstance(rows, TaggedExamples):
            _require_words(translator)
            translator.words(rows.words[0][:1], code, self._language)
        elif not isinstance(self._config.translator, FileTranslator):
            translator.translate(rows.texts[:1], code, self._language)

    def _translator(self, rows: AnyExamples) -> Named:
        """One for all languages; of files whose ids are rows', one of each."""
        is_of_rows = isinstance(self._config.translator, FileTranslator)
        if self._one is None or is_of_rows:
            given = self._config.translator, self._data, rows, WHERE
            self._one = make_translator(*given, seed=self._seed, skip=self._skip)
        return self._one

    def _texts(
        self, rows: Examples, translator: Named, code: str
    ) -> tuple[dict[str, tuple[str, ...]], int]:
        """Of a pair both texts are translated, or none is."""
        columns = [rows.texts] if rows.pairs is None else [rows.texts, rows.pairs]
        found = [translator.translate(own, code, self._language) for own in columns]
        is_there = [None not in made for made in zip(*found, strict=True)]
        new = [
            tuple(
                str(there) if both else own
                for there, own, both in zip(made, given, is_there, strict=True)
            )
            for made, given in zip(found, columns, strict=True)
        ]
        names: list[str] = ["texts", "pairs"][: len(new)]
        changes = dict(zip(names, new, strict=True))
        return changes, is_there.count(False)

    def _words(
        self, rows: TaggedExamples, translator: Named, code: str
    ) -> tuple[dict[str, tuple[tuple[str, ...], ...]], int]:
        """Each word in its place, so that each tag stays where it is."""
        _require_words(translator)
        every = sorted({word for words in rows.words for word in words})
        made = translator.words(every, code, self._language)
        best = {word: one[0] for word, one in zip(every, made, strict=True) if one}
        new = tuple(tuple(best.get(w, w) for w in words) for words in rows.words)
        left = sum(not any(w in best for w in words) for words in rows.words)
        return {"words": new}, left


def _require_words(translator: Named) -> None:
    if not isinstance(translator.inner, WordByWord):
        raise ConfigError(
            f"{WHERE}: tagged words are translated one by one, since the words of a "
            f"translated sentence are others, in another order; got "
            f"{translator.told}, which knows sentences. Use dictionary, pair_words or "
            f"vector_words."
        )


def told(translations: Sequence[Translation]) -> str:
    """By what texts were translated, and under which licences."""
    every = [one for translation in translations for one in translation.by.values()]
    return "; ".join(dict.fromkeys(every)) or "nothing"
