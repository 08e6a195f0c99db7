"""What trimming does to texts: other tokens, more of them, unknown ones."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tokenizers
from jaxtyping import Int

from xlnas_jax.data.tokens.published import speaking
from xlnas_jax.data.tokens.tokenizer import Tokenizer

# Of each text: what is beyond says nothing new.
_MAX_CHARACTERS = 100_000


class Comparison(NamedTuple):
    """Tokens of the same texts, special tokens left out.

    Attributes:
        before, after: tokens in all, of the whole and of the trimmed vocabulary.
        unknown_before, unknown_after: unknown ones among them.
        others: positions of the texts that are not cut as before.
    """

    num_texts: int
    before: int
    after: int
    unknown_before: int
    unknown_after: int
    others: tuple[int, ...]

    @property
    def growth(self) -> float:
        """How many tokens more there are, as a share."""
        return self.after / max(self.before, 1) - 1.0

    @property
    def unknown_rates(self) -> tuple[float, float]:
        """Shares of unknown tokens, before and after."""
        return (
            self.unknown_before / max(self.before, 1),
            self.unknown_after / max(self.after, 1),
        )


def compare(
    whole: Tokenizer,
    trimmed: Tokenizer,
    kept: Int[np.ndarray, " kept"],
    texts: Sequence[str],
) -> Comparison:
    """Cuts texts with both.

    Tokens are the same where they are the same pieces: what an unknown one stands for
    is not looked at.

    Args:
        kept: of each piece of the trimmed vocabulary, its id in the whole one.
    """
    texts = [text[:_MAX_CHARACTERS] for text in texts]
    before = plain_ids(whole.backend, texts)
    after = plain_ids(trimmed.backend, texts)
    return Comparison(
        num_texts=len(texts),
        before=sum(map(len, before)),
        after=sum(map(len, after)),
        unknown_before=_count(before, whole.unk_id),
        unknown_after=_count(after, trimmed.unk_id),
        others=tuple(
            number
            for number, (old, new) in enumerate(zip(before, after, strict=True))
            if not np.array_equal(old, kept[new])
        ),
    )


def plain_ids(
    backend: tokenizers.Tokenizer, texts: Sequence[str]
) -> list[Int[np.ndarray, " _"]]:
    """Ids of whole texts without special tokens."""
    backend.no_truncation()
    backend.no_padding()
    with speaking("the tokenizer", "encode these texts"):
        cut = backend.encode_batch(list(texts), add_special_tokens=False)
    return [np.asarray(one.ids, np.int64) for one in cut]


def _count(texts: Sequence[Int[np.ndarray, " _"]], unknown: int | None) -> int:
    return (
        sum(int((ids == unknown).sum()) for ids in texts) if unknown is not None else 0
    )
