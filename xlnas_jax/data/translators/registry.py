"""From a configuration to a translator."""

from pathlib import Path

from xlnas_jax.config.augment.translators import (
    AnyTranslator,
    DictionaryTranslator,
    FileTranslator,
    HubTranslator,
    PairsTranslator,
    PairWordsTranslator,
    VectorWordsTranslator,
)
from xlnas_jax.data.examples import AnyExamples, Source
from xlnas_jax.data.translators.base import Named
from xlnas_jax.data.translators.dictionary import WordByWord, read_lexicons
from xlnas_jax.data.translators.files import Written
from xlnas_jax.data.translators.hub import Network
from xlnas_jax.data.translators.pair_words import counted_lexicons
from xlnas_jax.data.translators.parallel import LookedUp, licence_of, make_corpora
from xlnas_jax.data.translators.vector_words import vector_lexicons


def make_translator(
    config: AnyTranslator,
    data: Source,
    rows: AnyExamples,
    where: str,
    *,
    seed: int = 0,
    skip: bool = False,
) -> Named:
    """The translator that a configuration describes; files are read when it is asked.

    Args:
        data: of the task, some of whose rows may be translations.
        rows: the training rows that are translated.
        where: the option that describes it.
        skip: pass over faulty rows of files.
    """
    match config:
        case DictionaryTranslator():
            inner = WordByWord(read_lexicons(config, where, skip))
            return Named(where, f"dictionary {_without_place(config.path)}", inner)
        case PairWordsTranslator():
            corpora = make_corpora(config.pairs, data, where, skip)
            inner = WordByWord(counted_lexicons(config, corpora, where))
            licence = licence_of(config.pairs, data)
            told = f"words of parallel text ({_told(config.pairs)})"
            return Named(where, told, inner, lambda *_: licence)
        case VectorWordsTranslator():
            inner = WordByWord(vector_lexicons(config, where, seed, skip))
            return Named(where, f"word vectors {_without_place(config.path)}", inner)
        case FileTranslator():
            inner = Written(config, rows, where, skip)
            return Named(where, f"file {_without_place(config.path)}", inner)
        case PairsTranslator():
            corpora = make_corpora(config.pairs, data, where, skip)
            licence = licence_of(config.pairs, data)
            told = f"parallel text ({_told(config.pairs)})"
            return Named(where, told, LookedUp(corpora), lambda *_: licence)
        case HubTranslator():
            network = Network(config, where)
            told = f"network {_without_place(config.path)}"
            return Named(where, told, network, network.licence)


def _told(pairs: object) -> str:
    """Parallel text as its user knows it."""
    path = getattr(pairs, "path", "")
    return getattr(pairs, "name", "") or _without_place(path) or "rows of the same id"


def _without_place(path: str) -> str:
    """What a path says of its content, not where its user keeps that."""
    return Path(path).name if Path(path).expanduser().is_absolute() else path
