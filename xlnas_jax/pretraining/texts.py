"""What is learnt from and what is held out: plain texts, and translations.

Nothing that is held out is learnt from in any form: a text that is one, or is a side of
a pair that is one, is neither a text nor a side of a pair that is learnt from.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from xlnas_jax.config.data import PairsData
from xlnas_jax.config.pretraining.pretrain import PretrainConfig, Pretraining
from xlnas_jax.data.examples import PairExamples
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.data.sources import make_parallel_source
from xlnas_jax.data.texts import read_plain
from xlnas_jax.languages.codes import named, normalise
from xlnas_jax.types import ConfigError, DataError

# Of what a language has at most one in so many is held out.
PART = 10


class Pair(NamedTuple):
    """A text of the source language and what it is in another."""

    source: str
    text: str


class Corpus(NamedTuple):
    """Texts, and pairs, of each language that has some.

    Attributes:
        languages: canonical codes, in the order of the configuration.
    """

    languages: tuple[str, ...]
    texts: Mapping[str, Sequence[str]]
    pairs: Mapping[str, Sequence[Pair]]


class Divided(NamedTuple):
    """What is learnt from, and what curves are of."""

    learnt: Corpus
    kept: Corpus


def read_corpus(config: Pretraining) -> Corpus:
    """All texts and pairs that some loss learns from.

    Raises:
        ConfigError: a language is named twice.
        DataError: one has no text, or no translation.
    """
    wanted, skip = config.pretrain, config.skip_bad_rows
    languages = tuple(normalise(code) for code in wanted.languages)
    if len(set(languages)) != len(languages):
        raise ConfigError(
            f"pretrain.languages: each must be named once; got two spellings of one "
            f"among {list(wanted.languages)}. Leave one out."
        )
    texts, pairs = {}, {}
    if wanted.reads_texts:
        for code in languages:
            places, where = wanted.texts, "pretrain.languages"
            texts[code] = read_plain(places, code, skip, where)
    if wanted.reads_pairs:
        pairs = _read_pairs(wanted, languages, skip)
    return Corpus(languages, texts, pairs)


def _read_pairs(
    wanted: PretrainConfig, languages: Sequence[str], skip: bool
) -> dict[str, tuple[Pair, ...]]:
    """Distinct pairs of each language; none is the same on both sides."""
    source = normalise(wanted.source)
    into = [normalise(code) for code in wanted.into]
    places = PairsData(wanted.pairs, dev=wanted.pairs, test=wanted.pairs)
    reader = make_parallel_source(places, source, skip)
    found = {}
    for code in into or [code for code in languages if code != source]:
        try:
            read = reader.read(code, "train")
        except NotThereError as error:
            raise DataError(
                f"pretrain.pairs: there must be translations of {named(source)} into "
                f"{named(code)}; got none: {error} Name a place that has some, or name "
                f"the languages that have in pretrain.into."
            ) from error
        assert isinstance(read, PairExamples)
        both = zip(read.translations, read.texts, strict=True)
        found[code] = tuple(Pair(*sides) for sides in both)
    return found


def divide(corpus: Corpus, heldout: int) -> Divided:
    """Some texts and pairs of every language are held out: those that hash lowest.

    Pairs by their source side, so that languages of parallel text share them.

    Raises:
        DataError: nothing is left of a language to learn from.
    """
    kept_texts = {
        code: _lowest(texts, [str(text) for text in texts], heldout)
        for code, texts in corpus.texts.items()
    }
    kept_pairs = {
        code: _lowest(pairs, [pair.source for pair in pairs], heldout)
        for code, pairs in corpus.pairs.items()
    }
    barred = {text for texts in kept_texts.values() for text in texts}
    barred |= {side for pairs in kept_pairs.values() for pair in pairs for side in pair}
    texts = {
        code: [text for text in every if text not in barred]
        for code, every in corpus.texts.items()
    }
    pairs = {
        code: [pair for pair in every if not barred & set(pair)]
        for code, every in corpus.pairs.items()
    }
    for what, every in (("texts", texts), ("pairs", pairs)):
        for code, own in every.items():
            if not own:
                raise DataError(
                    f"pretrain.{what}: some of {named(code)} must be left to learn "
                    f"from beside those held out; got none. Name more places of "
                    f"{what}, or remove the language."
                )
    languages = corpus.languages
    return Divided(
        Corpus(languages, texts, pairs), Corpus(languages, kept_texts, kept_pairs)
    )


def _lowest(items: Sequence, keys: Sequence[str], most: int) -> list:
    """So many items at most, the same ones in every run, in their order."""
    count = min(most, max(1, len(items) // PART))
    order = sorted(range(len(items)), key=lambda n: (zlib.crc32(keys[n].encode()), n))
    return [items[n] for n in sorted(order[:count])]
