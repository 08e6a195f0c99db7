"""What is kept of a pair is what `tokenizers` keeps of it."""

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers, processors

from xlnas_jax.data.tokens.truncation import kept_of_pair, longest_first
from xlnas_jax.types import DataError

SPECIAL = {"<s>": 0, "</s>": 1}
TEMPLATES = {
    "none": None,
    "of BERT": processors.BertProcessing(("</s>", 1), ("<s>", 0)),
    "of RoBERTa": processors.RobertaProcessing(("</s>", 1), ("<s>", 0)),
    "second first": processors.TemplateProcessing(
        "$A", "<s>:0 $B:1 </s>:1 $A:0", list(SPECIAL.items())
    ),
}


def of_words(template: object) -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(models.WordLevel(SPECIAL | {"w": 2}, unk_token="w"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if template is not None:
        backend.post_processor = template
    return backend


@pytest.mark.parametrize("name", TEMPLATES)
@given(
    first=st.integers(0, 20), second=st.integers(0, 20), max_length=st.integers(4, 30)
)
def test_the_kept_tokens_are_those_of_the_library(
    name: str, first: int, second: int, max_length: int
) -> None:
    backend = of_words(TEMPLATES[name])
    pair = " ".join(["w"] * first), " ".join(["w"] * second)
    whole = backend.encode(*pair)
    kept = kept_of_pair(whole.sequence_ids, max_length)
    backend.enable_truncation(max_length)
    found = backend.encode(*pair)
    assert [whole.offsets[n] for n in kept] == found.offsets
    assert [whole.sequence_ids[n] for n in kept] == found.sequence_ids


def test_an_odd_token_is_the_longer_ones() -> None:
    assert longest_first(9, 8, 7) == (4, 3)
    assert longest_first(8, 9, 7) == (3, 4)
    assert longest_first(8, 8, 7) == (3, 4)
    assert longest_first(2, 9, 7) == (2, 5)


def test_special_tokens_that_fill_more_than_is_kept_are_refused() -> None:
    sides = of_words(TEMPLATES["of RoBERTa"]).encode("w", "w").sequence_ids
    with pytest.raises(DataError, match=r"at least 4, the special tokens .* got 3"):
        kept_of_pair(sides, 3)
