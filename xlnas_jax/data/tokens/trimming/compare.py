"""What another vocabulary does to texts: other tokens, more, or unknown ones."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.cutting import Pieces, Text, cut


class Comparison(NamedTuple):
    """Tokens of the same texts, special tokens left out.

    Attributes:
        num_texts, num_others: texts, and those of them that are not cut as before.
        before, after: tokens in all, of the vocabulary as it was and as it is.
        unknown_before, unknown_after: unknown ones among them.
    """

    num_texts: int
    num_others: int
    before: int
    after: int
    unknown_before: int
    unknown_after: int

    @property
    def growth(self) -> float:
        """How many tokens more there are, as a share."""
        return self.after / self.before - 1.0 if self.before else 0.0

    @property
    def unknown_rates(self) -> tuple[float, float]:
        """Shares of unknown tokens, before and after."""
        return (
            self.unknown_before / max(self.before, 1),
            self.unknown_after / max(self.after, 1),
        )


def compare(
    old: Tokenizer,
    new: Tokenizer,
    ids: Int[np.ndarray, " piece"],
    texts: Sequence[Text],
) -> tuple[Comparison, tuple[int, ...]]:
    """Cuts texts with both.

    Tokens are the same where they are the same pieces: what an unknown one stands for
    is not looked at.

    Args:
        ids: of each piece of the new vocabulary, its id in the old one; of one that
            was not there, any that no old piece has.

    Returns:
        The comparison, and the positions of the texts that are not cut as before.
    """
    before, after = cut(old.backend, texts), cut(new.backend, texts)
    others = tuple(
        number
        for number, (was, now) in enumerate(zip(before, after, strict=True))
        if not np.array_equal(was, ids[now])
    )
    found = Comparison(
        num_texts=len(texts),
        num_others=len(others),
        before=sum(map(len, before)),
        after=sum(map(len, after)),
        unknown_before=_count(before, old.unk_id),
        unknown_after=_count(after, new.unk_id),
    )
    return found, others


def _count(texts: Sequence[Pieces], unknown: int | None) -> int:
    return 0 if unknown is None else sum(int((ids == unknown).sum()) for ids in texts)
