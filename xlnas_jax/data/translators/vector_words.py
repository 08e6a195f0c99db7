"""A dictionary that is read off the word embeddings of two languages."""

import functools

import numpy as np
from jaxtyping import Float

from xlnas_jax.alignment.mapping.dictionary import mutual_pairs, to_words
from xlnas_jax.alignment.mapping.vecmap import (
    Mapped,
    map_semi_supervised,
    map_supervised,
    map_unsupervised,
)
from xlnas_jax.config.augment.translators import VectorWordsTranslator
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.lines import read_text, split_lines
from xlnas_jax.data.readers.patterns import match_files, unknown_language
from xlnas_jax.data.translators.dictionary import Lexicons
from xlnas_jax.data.translators.lexicon import (
    Lexicon,
    make_lexicon,
    places_of_pairs,
    read_word_pairs,
    require_words,
)
from xlnas_jax.data.translators.places import find_place
from xlnas_jax.languages.codes import named
from xlnas_jax.types import DataError, brief

Vectors = tuple[list[str], Float[np.ndarray, "word model"]]
_LEAST_SEEDS = 2


def vector_lexicons(
    config: VectorWordsTranslator, where: str, seed: int, skip: bool
) -> Lexicons:
    """Dictionaries of the words that are each other's nearest in one space.

    Args:
        seed: of what is left to chance where no dictionary is given.
    """
    read = functools.cache(lambda code: read_vectors(config, code, where))

    def lexicon(source: str, target: str) -> Lexicon:
        ours, theirs = read(source), read(target)
        rows = _seeds(config, ours[0], theirs[0], (source, target), where, skip)
        given = ours[1], theirs[1]
        if config.mapping == "supervised":
            mapped = map_supervised(*given, *rows)
        elif config.mapping == "semi_supervised":
            mapped = map_semi_supervised(*given, *rows, seed)
        elif config.mapping == "unsupervised":
            mapped = map_unsupervised(*given, seed)
        else:
            mapped = Mapped(*given, float("nan"))
        pairs = mutual_pairs(mapped.source, mapped.target)
        words = to_words(pairs, ours[0], theirs[0])
        found = make_lexicon(words.items(), f"the vectors of {config.path}")
        return require_words(found, config.least, (source, target), where)

    return lexicon


def read_vectors(config: VectorWordsTranslator, code: str, where: str) -> Vectors:
    """Words and vectors of the file of a language, the first ones.

    Raises:
        DataError: there is none, or a line has other than a word and its numbers.
    """
    forms = match_files(config.path)
    if code not in forms:
        raise unknown_language(code, forms, f"{where} ({config.path})")
    path = config.path.replace("{language}", forms[code])
    return read_word_vectors(path, config.most, named(code))


def read_word_vectors(path: str, most: int, whose: str) -> Vectors:
    """The first words of a file in word2vec's text format, and their vectors.

    Raises:
        DataError: it has fewer than two, or a line has other than a word and numbers.
    """
    lines = split_lines(read_text(path))
    if lines and len(lines[0].split()) == 2:  # how many there are, of which size
        lines = lines[1:]
    words: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(lines[:most], start=1):
        word, *values = line.rstrip().split(" ")
        try:
            row = [float(value) for value in values]
        except ValueError:
            row = []
        if not row or not np.isfinite(row).all() or len(row) != len((rows or [row])[0]):
            raise DataError(
                f"{path}, word {number}: every line must be a word and as many numbers "
                f"as the first has; got {brief(line)}. Correct or remove the line."
            )
        words.append(word)
        rows.append(row)
    if len(words) < _LEAST_SEEDS:
        raise DataError(
            f"{path}: must hold the vectors of at least {_LEAST_SEEDS} words of "
            f"{whose}; got {len(words)}. Give another file."
        )
    return words, np.asarray(rows, np.float64)


def _seeds(
    config: VectorWordsTranslator,
    ours: list[str],
    theirs: list[str],
    languages: tuple[str, str],
    where: str,
    skip: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the words that a seed dictionary has, where there is one."""
    if not config.seed:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = find_place(config.seed, *languages, turns=True, where=f"{where}.seed")
    pairs = read_word_pairs(place.path, Faults(skip))
    if place.is_turned:
        pairs = [(b, a) for a, b in pairs]
    known = places_of_pairs(pairs, ours, theirs)
    if len(known) < _LEAST_SEEDS:
        raise DataError(
            f"{where}.seed: at least {_LEAST_SEEDS} pairs of the dictionary must have "
            f"vectors; got {len(known)} in {place.path}. Give a larger one, or raise "
            f"most."
        )
    source, target = np.asarray(known, np.int64).T
    return source, target
