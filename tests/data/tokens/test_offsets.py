"""Offsets: tokens stand for characters of the text as it was before normalisation."""

import pytest
from tokenizers import Tokenizer as Backend

from xlnas_jax.data.tokens.offsets import original_offsets
from xlnas_jax.data.tokens.unigram import train_tokenizer


@pytest.fixture(scope="module")
def backend() -> Backend:
    """A Unigram tokenizer that knows little but single characters."""
    return train_tokenizer(["fine cafe\u0301 1⁄2 가 ア"], 60, 32).backend


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e  fi", ["e", "f", "i"]),
        ("ﬁ", ["ﬁ", "ﬁ"]),
        ("½", ["½", "½", "½"]),
        ("e\u0301 f", ["e\u0301", "f"]),  # composed: one token, both characters
        ("\u1100\u1161", ["\u1100\u1161"]),
        ("ｱ①", ["ｱ", "①"]),
        (" \u3000", []),
    ],
)
def test_tokens_are_cut_from_the_original(
    backend: Backend, text: str, expected: list[str]
) -> None:
    encoding = backend.encode(text, add_special_tokens=False)
    offsets = original_offsets(encoding, text)
    cuts = [text[start:end] for start, end in offsets.tolist()]
    assert offsets.shape == (len(encoding.ids), 2)
    # A token of a space alone is empty.
    assert [cut for cut in cuts if cut] == expected


def test_no_text_has_no_offsets(backend: Backend) -> None:
    encoding = backend.encode("", add_special_tokens=False)
    assert original_offsets(encoding, "").shape == (0, 2)
