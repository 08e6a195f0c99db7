"""What text itself says of languages: shared pieces, and how rich their words are.

References:
    Lin et al., "Choosing Transfer Languages for Cross-Lingual Learning" (LangRank),
    2019: overlap of words and pieces, type-token ratio. https://aclanthology.org/P19-1301
    Rust et al., "How Good is Your Tokenizer?", 2021: fertility.
    https://aclanthology.org/2021.acl-long.243
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from xlnas_jax.languages.codes import script_of
from xlnas_jax.languages.distance.typology import UNDEFINED, Measured

# Written without spaces between words, so that words cannot be counted.
_UNSPACED = frozenset({"Hans", "Hant", "Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr"})
_UNSPACED |= {"Tibt"}
# Of running text: as many of every language, since the ratio falls with the length.
MAX_WORDS = 10_000
Pieces = Sequence[Sequence[int]]


class Morphology(NamedTuple):
    """How rich the words of a language are, in one text.

    Attributes:
        num_words: of running text that were counted.
        fertility: pieces per word.
        type_token_ratio: different words per word.
        hapax_rate: of different words, the share that stands there once.
        word_length: characters per word.
    """

    num_words: int
    fertility: float
    type_token_ratio: float
    hapax_rate: float
    word_length: float


def subword_distance(source: Pieces, target: Pieces) -> Measured:
    """Share of the target's pieces that the source's text does not have.

    Args:
        source, target: ids of the pieces of texts. Special ones are no pieces.
    """
    return between_counts(count_pieces(source), count_pieces(target))


def count_pieces(pieces: Pieces) -> Counter[int]:
    """How often each piece stands in texts."""
    return Counter(piece for text in pieces for piece in text)


def between_counts(ours: Counter[int], theirs: Counter[int]) -> Measured:
    """As `subword_distance`, of pieces that are counted already."""
    total = theirs.total()
    if not ours or not total:
        return UNDEFINED
    shared = sum(count for piece, count in theirs.items() if piece in ours)
    return Measured(1.0 - shared / total, 1.0)


def morphology(
    code: str, texts: Sequence[str], pieces: Pieces, num_words: int = MAX_WORDS
) -> Morphology | None:
    """Counts of the first words of texts, whatever their case.

    None where words cannot be counted: the script has no spaces, or there are none.

    Args:
        pieces: of every text. Fertility is that of all texts.
        num_words: compare languages at equal numbers only.
    """
    if script_of(code) in _UNSPACED:
        return None
    words = [word for text in texts for word in text.casefold().split()]
    if not words:
        return None
    counted = words[:num_words]
    types = Counter(counted)
    once = sum(1 for count in types.values() if count == 1)
    return Morphology(
        num_words=len(counted),
        fertility=sum(map(len, pieces)) / len(words),
        type_token_ratio=len(types) / len(counted),
        hapax_rate=once / len(types),
        word_length=math.fsum(map(len, counted)) / len(counted),
    )


def fertility_gap(source: Morphology | None, target: Morphology | None) -> float:
    """How much more a target's words are cut than the source's, from 0 to 1.

    The share of the target's pieces that come on top: 0 where its words are cut no
    more, one half where they are cut twice as much, and where nothing can be said.
    """
    if source is None or target is None:
        return 0.5
    return max(0.0, 1.0 - source.fertility / target.fertility)
