"""A dictionary that is counted from parallel text.

The sentences are the space that both languages lie in: a word is a vector of those it
stands in, and its translation is the mutual nearest neighbour. Words that no sentence
tells apart have no translation.

References:
    Søgaard et al., "Inverted indexing for cross-lingual NLP", 2015.
    https://aclanthology.org/P15-1165
    Conneau et al., "Word Translation Without Parallel Data", 2018 (CSLS).
    https://arxiv.org/abs/1710.04087
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float

from xlnas_jax.alignment.measures.retrieval import csls
from xlnas_jax.config.augment.translators import PairWordsTranslator
from xlnas_jax.data.translators.dictionary import Lexicons
from xlnas_jax.data.translators.lexicon import (
    Lexicon,
    folded,
    make_lexicon,
    require_words,
)
from xlnas_jax.data.translators.parallel import Corpora
from xlnas_jax.data.words import words_of

# So many decimals of similarities are compared: sums in another order differ beyond.
_DECIMALS = 9


class _Side(NamedTuple):
    """Frequent words of one language, and which sentence has which."""

    words: list[str]
    stands: scipy.sparse.csr_matrix


def counted_lexicons(
    config: PairWordsTranslator, corpora: Corpora, where: str
) -> Lexicons:
    """Dictionaries of parallel text."""

    def lexicon(source: str, target: str) -> Lexicon:
        corpus = corpora(source, target)
        pairs = corpus.pairs[: config.most_pairs]
        found = make_lexicon(word_pairs(pairs, config), corpus.origin)
        return require_words(found, config.least, (source, target), where)

    return lexicon


def word_pairs(
    pairs: Sequence[tuple[str, str]], config: PairWordsTranslator
) -> list[tuple[str, str]]:
    """Words that translate each other, the surest first."""
    sides = [_side([pair[n] for pair in pairs], config) for n in (0, 1)]
    if not all(side.words for side in sides):
        return []
    together = (sides[0].stands @ sides[1].stands.T).toarray().astype(np.float64)
    counts = [np.asarray(side.stands.sum(1), np.float64).ravel() for side in sides]
    cosines = together / np.sqrt(counts[0][:, None] * counts[1][None, :])
    scores = np.round(csls(cosines), _DECIMALS)
    forwards, backwards = _stands_out(scores), _stands_out(scores.T).T
    is_sure = forwards & backwards
    is_found = is_sure if config.mutual else forwards | backwards
    is_found &= (together >= config.min_count) & (cosines >= config.cosine)
    ours, theirs = np.nonzero(is_found)
    # Those that are sure from both sides come before the others.
    order = np.lexsort((-scores[ours, theirs], ~is_sure[ours, theirs]))
    return [(sides[0].words[ours[n]], sides[1].words[theirs[n]]) for n in order]


def _stands_out(
    scores: Float[np.ndarray, "one other"],
) -> Bool[np.ndarray, "one other"]:
    """Where a score is the highest of its row, and no other is as high."""
    is_best = scores == scores.max(1, keepdims=True)
    return is_best & (is_best.sum(1, keepdims=True) == 1)


def _side(texts: Sequence[str], config: PairWordsTranslator) -> _Side:
    every = [{folded(text[a:b]) for a, b in words_of(text).spans} for text in texts]
    counts = Counter(word for words in every for word in sorted(words))
    frequent = [w for w, n in counts.most_common() if n >= config.min_count]
    number = {word: n for n, word in enumerate(frequent[: config.most])}
    rows, columns = [], []
    for column, words in enumerate(every):
        own = [number[word] for word in words if word in number]
        rows += own
        columns += [column] * len(own)
    ones = np.ones(len(rows), np.int32)
    shape = len(number), len(texts)
    return _Side(
        list(number), scipy.sparse.csr_matrix((ones, (rows, columns)), shape=shape)
    )
