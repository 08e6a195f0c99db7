"""How well a tokenizer knows a language: sub-words a word, and unknown ones."""

import warnings
from collections.abc import Sequence

from xlnas_jax.data.tokens.published import speaking
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.languages.codes import named

# Of each text, what is looked at.
_MAX_CHARACTERS = 100_000
Ids = Sequence[list[int]]


class TokenizerWarning(UserWarning):
    """A tokenizer that does not know the script or words of a language."""


def unk_rate(
    tokenizer: Tokenizer, texts: Sequence[str], ids: Ids | None = None
) -> float:
    """Share of unknown tokens among all but the special tokens.

    Args:
        ids: of the texts' tokens, where they are known (`plain_ids`).
    """
    if tokenizer.unk_id is None:
        return 0.0
    ids = plain_ids(tokenizer, texts) if ids is None else ids
    total = sum(len(one) for one in ids)
    unknown = sum(one.count(tokenizer.unk_id) for one in ids)
    return unknown / max(total, 1)


def fertility(
    tokenizer: Tokenizer, texts: Sequence[str], ids: Ids | None = None
) -> float:
    """Sub-words per word, words being what white space separates; `ids` as above."""
    ids = plain_ids(tokenizer, texts) if ids is None else ids
    return sum(map(len, ids)) / max(sum(len(text.split()) for text in texts), 1)


def warn(
    tokenizer: Tokenizer, texts: Sequence[str], language: str, max_unk_rate: float
) -> None:
    """Warn of a language that the tokenizer maps to `<unk>` too often."""
    rate = unk_rate(tokenizer, texts)
    if rate > max_unk_rate:
        warnings.warn(
            f"the tokenizer should know most of {named(language)}; it "
            f"maps {rate:.0%} of its tokens to <unk>, above tokens.max_unk_rate "
            f"{max_unk_rate:.0%}. Expect scores near chance; choose a model whose "
            f"vocabulary has the script.",
            TokenizerWarning,
            stacklevel=2,
        )


def plain_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Ids of the tokens of each text, of whatever length, without special ones."""
    tokenizer.backend.no_truncation()
    tokenizer.backend.no_padding()
    texts = [text[:_MAX_CHARACTERS] for text in texts]
    with speaking("the tokenizer", "encode these texts"):
        encoded = tokenizer.backend.encode_batch(texts, add_special_tokens=False)
    return [one.ids for one in encoded]
