"""What may be masked is no special token; what stands for it is found, or missed."""

import json

import numpy as np
import pytest

from xlnas_jax.data.tokens.masks import masks_of, with_mask
from xlnas_jax.data.tokens.tokenizer import load_tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.types import DataError


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["ba bo bu", "bo ba"] * 3, 30, 8)


def test_a_tokenizer_without_a_mask_is_named(tokenizer):
    with pytest.raises(DataError, match="must have a token that stands for a masked"):
        masks_of(tokenizer, tokenizer.vocab_size, "model")


def test_a_mask_is_put_behind_all_others_and_texts_are_cut_as_before():
    plain, own = (train_tokenizer(["ba bo bu", "bo ba"] * 3, 30, 8) for _ in range(2))
    before = plain.encode(["bu ba bo"])[0].ids
    masks = masks_of(with_mask(own), own.vocab_size + 2)
    assert masks.mask_id == plain.vocab_size == own.vocab_size - 1
    assert own.encode(["bu ba bo"])[0].ids == before
    special = np.flatnonzero(masks.is_special).tolist()
    # Rows of the word table that no piece has are never drawn, either.
    assert special == [0, 1, 2, 3, *range(masks.mask_id, own.vocab_size + 2)]


def test_the_mask_of_a_real_bert_is_found(minilm):
    tokenizer = load_tokenizer(minilm, 16)
    masks = masks_of(tokenizer, tokenizer.vocab_size, minilm)
    names = [tokenizer.backend.id_to_token(n) for n in np.flatnonzero(masks.is_special)]
    assert names[:1] == ["[PAD]"] and {"[CLS]", "[SEP]", "[UNK]", "[MASK]"} < {*names}
    assert tokenizer.backend.id_to_token(masks.mask_id) == "[MASK]"
    assert len(names) == 5


def test_a_mask_of_another_name_is_what_the_settings_say(tokenizer, tmp_path):
    settings = {"mask_token": {"content": "▁ba"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    masks = masks_of(tokenizer, tokenizer.vocab_size, tmp_path)
    found = tokenizer.backend.id_to_token(masks.mask_id)
    assert found in ("▁ba", "ba") and masks.is_special[masks.mask_id]
