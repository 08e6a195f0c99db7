"""Sentences that translate each other, and texts that are looked up among them."""

import functools
from collections.abc import Callable
from typing import NamedTuple

from xlnas_jax.config.augment.pairs import AnyPairs, FilePairs
from xlnas_jax.config.transfer import SetPairs
from xlnas_jax.data import sources
from xlnas_jax.data.examples import Source
from xlnas_jax.data.parallel import ParallelText, read_pairs, read_parallel
from xlnas_jax.data.sets.registry import find
from xlnas_jax.data.translators.base import Texts, words_as_texts
from xlnas_jax.data.translators.places import find_place
from xlnas_jax.languages.codes import named
from xlnas_jax.types import DataError


class Corpus(NamedTuple):
    """Pairs of sentences, and what their user knows them by."""

    pairs: tuple[tuple[str, str], ...]
    origin: str


# `(source, target) -> Corpus`, or `DataError`.
Corpora = Callable[[str, str], Corpus]


class LookedUp:
    """A translator that knows the sentences of parallel text."""

    def __init__(self, corpora: Corpora) -> None:
        self._table = functools.cache(lambda *pair: _first_of(corpora(*pair)))

    def translate(self, texts: Texts, source: str, target: str) -> list[str | None]:
        """Of a sentence that stands there several times the first translation."""
        table = self._table(source, target)
        return [table.get(" ".join(text.split())) for text in texts]

    def words(self, words: Texts, source: str, target: str) -> list[tuple[str, ...]]:
        """Sentences of one word."""
        return words_as_texts(self, words, source, target)


def make_corpora(config: AnyPairs, data: Source, where: str, skip: bool) -> Corpora:
    """Parallel text of any pair of languages that there is some of.

    Args:
        data: of the task, some of whose rows may be translations.
        where: the option that asks for it.
        skip: pass over faulty rows of files.
    """

    def corpus(source: str, target: str) -> Corpus:
        if isinstance(config, SetPairs):
            split = config.split or None
            text = read_parallel(config.name, config.path, source, target, split, skip)
            return Corpus(_sides(text), find(config.name).name)
        if isinstance(config, FilePairs):
            place = find_place(config.path, source, target, turns=True, where=where)
            given = (target, source) if place.is_turned else (source, target)
            pairs = _sides(read_pairs(place.path, *given, skip))
            turned = tuple((b, a) for a, b in pairs) if place.is_turned else pairs
            return Corpus(turned, place.path)
        return Corpus(_of_rows(data, source, target, where), "rows of the same id")

    return corpus


def licence_of(config: AnyPairs, data: Source) -> str:
    """Of the text; empty where it is not known."""
    if isinstance(config, SetPairs):
        return find(config.name).licence
    return "" if isinstance(config, FilePairs) else data.licence


def _sides(text: ParallelText) -> tuple[tuple[str, str], ...]:
    return tuple(zip(text.sources, text.targets, strict=True))


def _of_rows(
    data: Source, source: str, target: str, where: str
) -> tuple[tuple[str, str], ...]:
    """Texts of training rows alone, whatever labels stand beside them."""
    ours, theirs = (
        sources.read_texts_by_id(data, code, "train") for code in (source, target)
    )
    found = tuple((text, theirs[name]) for name, text in ours.items() if name in theirs)
    if not found:
        raise DataError(
            f"{where}: training rows of {named(source)} and {named(target)} must have "
            f"ids in common; got none. Name other parallel text."
        )
    return found


def _first_of(corpus: Corpus) -> dict[str, str]:
    found: dict[str, str] = {}
    for text, translation in corpus.pairs:
        found.setdefault(" ".join(text.split()), translation)
    return found
