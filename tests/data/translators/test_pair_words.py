"""Dictionaries that are counted from parallel text."""

import dataclasses

import pytest

from tests.data.translators.corpora import planted, vocabulary
from xlnas_jax.config.augment.pairs import FilePairs
from xlnas_jax.config.augment.translators import PairWordsTranslator
from xlnas_jax.data.translators.pair_words import word_pairs

CONFIG = PairWordsTranslator(FilePairs("{source}-{target}.tsv"))
LEAST_PRECISION, LEAST_COVERAGE = 0.9, 0.6


@pytest.mark.parametrize("distance", [0.5, 1.0])
def test_planted_translations_are_found(distance: float) -> None:
    pairs, gold = planted(distance)
    found = word_pairs(pairs, CONFIG)
    assert len(dict(found)) == len(found)
    right = [gold[word] == other for word, other in found]
    assert sum(right) / len(right) >= LEAST_PRECISION
    assert len(found) >= LEAST_COVERAGE * len(gold)


def test_two_words_for_one_share_it_where_either_side_suffices() -> None:
    """Every second sentence writes ten of the words in another way."""
    pairs, gold = planted(1.0)
    doubled = vocabulary()[5:15]
    spelled = {word: f"{word}{word}" for word in doubled}
    for n in range(0, len(pairs), 2):
        words = (spelled.get(word, word) for word in pairs[n][0].split())
        pairs[n] = " ".join(words), pairs[n][1]
    found = word_pairs(pairs, dataclasses.replace(CONFIG, mutual=False))
    both = [
        word
        for word in doubled
        if {(word, gold[word]), (spelled[word], gold[word])} <= set(found)
    ]
    assert len(both) >= 7
    strict = word_pairs(pairs, CONFIG)
    assert len({other for _, other in strict}) == len(strict)
    # The surer ones come first.
    assert set(found[: len(strict)]) == set(strict)


def test_sentences_that_do_not_belong_together_say_nothing() -> None:
    """The control: the same text with the second side shifted by some sentences."""
    pairs, gold = planted(1.0)
    ours, theirs = zip(*pairs, strict=True)
    shifted = list(zip(ours, [*theirs[7:], *theirs[:7]], strict=True))
    found = word_pairs(shifted, CONFIG)
    assert sum(gold[word] == other for word, other in found) <= 2
    assert len(found) <= 0.1 * len(gold)


def test_words_that_no_sentence_tells_apart_have_no_translation() -> None:
    pairs = [("one two", "ein zwei"), ("three", "drei")] * 4
    assert word_pairs(pairs, CONFIG) == [("three", "drei")]
    assert word_pairs([("rare", "selten")], CONFIG) == []
    assert word_pairs([], CONFIG) == []
