"""A trimmed tokenizer cuts the texts it was trimmed by as the whole one does."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers, processors

from tests.data.tokens.trimming.material import EVERY, SIZE, names, trained, trimmed_by
from tests.fuzz.contract import generated
from xlnas_jax.data.tokens.tokenizer import Tokenizer, load_tokenizer
from xlnas_jax.data.tokens.trimming.trim import content_of, trim
from xlnas_jax.types import ConfigError

WORDS = sorted({word for text in names("en", "ru", "hi") for word in text.split()})
# What the trained tokenizers do not know among what they do.
STRANGE = [
    "日本",
    "é̂",
    "\u200d",
    "<mask>",
    "</s>x",
    "a" * 120,
    "ﬁ",
    "ﷺ",
    "🦖",
    " ",
    "##a",
]


def assert_same(whole: Tokenizer, trimmed: Tokenizer, kept, texts: Sequence[str]):
    """The same strings, and the ids of the same pieces, special tokens included."""
    before = whole.backend.encode_batch(list(texts))
    after = trimmed.backend.encode_batch(list(texts))
    for old, new in zip(before, after, strict=True):
        assert new.tokens == old.tokens
        assert kept[new.ids].tolist() == old.ids


@pytest.mark.parametrize("kind", EVERY)
def test_covered_text_has_the_same_tokens(kind: str) -> None:
    whole, texts = trained(kind), names("fr", "ru")
    trimmed, kept = trimmed_by(whole, texts)
    assert trimmed.vocab_size == len(kept) < whole.vocab_size
    assert_same(whole, trimmed, kept, texts)
    # Other languages of the vocabulary are cut otherwise, or nothing was removed.
    other = whole.backend.encode_batch(list(names("el")))
    assert {id for one in other for id in one.ids} - set(kept.tolist())


@generated(quick=60, long=2_000)
@given(
    kind=st.sampled_from(EVERY),
    texts=st.lists(
        st.one_of(
            st.text(max_size=12),
            st.lists(st.sampled_from([*WORDS, *STRANGE]), max_size=5).map(" ".join),
            st.lists(st.sampled_from([*WORDS, *STRANGE]), max_size=3).map("".join),
        ),
        max_size=4,
    ),
)
def test_whatever_text_is_covered_has_the_same_tokens(
    kind: str, texts: list[str]
) -> None:
    whole = trained(kind)
    trimmed, kept = trimmed_by(whole, texts)
    assert_same(whole, trimmed, kept, texts)


@pytest.mark.parametrize("kind", EVERY)
def test_any_text_is_cut_into_pieces_of_it_without_new_unknown_characters(
    kind: str,
) -> None:
    whole = trained(kind)
    trimmed, _ = trimmed_by(whole, names("fr"))
    for text in names("en", "tr"):
        old, new = whole.backend.encode(text), trimmed.backend.encode(text)
        assert len(new.ids) >= len(old.ids)
        if whole.unk_id is not None:
            assert new.ids.count(trimmed.unk_id) <= old.ids.count(whole.unk_id)


@pytest.mark.parametrize("kind", EVERY)
def test_pieces_are_numbered_in_their_old_order(kind: str) -> None:
    whole = trained(kind)
    trimmed, kept = trimmed_by(whole, names("fr"))
    pieces = [whole.backend.id_to_token(int(old)) for old in kept]
    assert trimmed.backend.get_vocab() == {p: number for number, p in enumerate(pieces)}
    assert (np.diff(kept) > 0).all()
    assert kept[-1] == SIZE  # the mask, which was added behind the others
    assert kept[trimmed.pad_id] == whole.pad_id


@pytest.mark.parametrize("kind", EVERY)
def test_what_is_saved_is_loaded_as_it_was(kind: str, tmp_path: Path) -> None:
    trimmed, _ = trimmed_by(trained(kind), names("fr"))
    trimmed.encode(["Peru"])  # encoding leaves truncation in the pipeline
    trimmed.save(tmp_path)
    texts = list(names("fr", "el"))
    for loaded in (Tokenizer.load(tmp_path), load_tokenizer(tmp_path, 64)):
        assert loaded.encode(texts) == trimmed.encode(texts)
        assert (loaded.pad_id, loaded.unk_id) == (trimmed.pad_id, trimmed.unk_id)


@pytest.mark.parametrize(
    ("processor", "is_paired"),
    [
        (processors.BertProcessing(("</s>", 8), ("<s>", 9)), True),
        (processors.RobertaProcessing(("</s>", 8), ("<s>", 9)), True),
        (
            processors.Sequence([processors.BertProcessing(("</s>", 8), ("<s>", 9))]),
            True,
        ),
        (processors.TemplateProcessing("<s> $A", None, [("<s>", 9)]), False),
        (None, False),
    ],
)
def test_special_tokens_behind_removed_pieces_get_their_new_ids(
    processor: object, is_paired: bool
) -> None:
    pieces = ["a", "##b", "##c", "ab", "abc", "cab", "<pad>", "<unk>", "</s>", "<s>"]
    vocabulary = {piece: id for id, piece in enumerate(pieces)}
    backend = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.add_special_tokens(["<pad>", "<unk>", "</s>", "<s>"])
    backend.enable_padding(length=6, pad_id=6, pad_token="<pad>")
    backend.post_processor = processor
    whole = Tokenizer(backend, pad_id=6, unk_id=7, max_length=8)
    texts, others = ["ab x", "x"], ["cab", "ab ab"]
    trimmed, kept = trimmed_by(whole, texts + others)
    assert kept.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]  # without `abc`
    assert (trimmed.pad_id, trimmed.unk_id) == (5, 6)
    pairs = others if is_paired else None
    before, after = whole.encode(texts, pairs), trimmed.encode(texts, pairs)
    assert [kept[one.ids].tolist() for one in after] == [one.ids for one in before]
    assert [one.segments for one in after] == [one.segments for one in before]


def test_a_special_piece_cannot_be_removed() -> None:
    whole = trained("Unigram")
    every = list(range(whole.vocab_size))
    for id, name in ((0, "<s>"), (1, "<pad>"), (3, "<unk>"), (SIZE, "<mask>")):
        with pytest.raises(ConfigError, match=rf"without '{name}', piece {id}\. Keep"):
            trim(whole, np.array([one for one in every if one != id]))


def test_padding_and_unknown_stay_though_nothing_else_says_that_they_are_special() -> (
    None
):
    content = content_of(trained("Unigram").backend)
    content |= {"added_tokens": [], "post_processor": None}
    backend = tokenizers.Tokenizer.from_str(json.dumps(content))
    whole = dataclasses.replace(trained("Unigram"), backend=backend)
    for id, name in ((1, "'the padding'"), (3, "'the unknown'")):
        with pytest.raises(ConfigError, match=rf"without {name}, piece {id}\."):
            trim(whole, np.array([one for one in range(SIZE) if one != id]))


def test_a_kept_piece_cannot_lose_what_it_is_merged_from() -> None:
    whole = trained("BPE")
    merge = content_of(whole.backend)["model"]["merges"][-1]
    lost = whole.backend.token_to_id(max(merge, key=len))
    kept = [id for id in range(whole.vocab_size) if id != lost]
    with pytest.raises(ConfigError, match=rf"merged from must be kept.* piece {lost}"):
        trim(whole, np.array(kept))


def test_pieces_that_are_there_twice_cannot_be_numbered() -> None:
    pieces = [("<unk>", 0.0), ("a", -1.0), ("a", -2.0), ("b", -3.0)]
    backend = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=0))
    twice = Tokenizer(backend, pad_id=0, unk_id=0, max_length=8)
    with pytest.raises(ConfigError, match=r"keep their order.* got 2 instead of 1 for"):
        trim(twice, np.arange(4))


def test_merges_of_what_is_no_piece_are_refused() -> None:
    model = models.BPE({"a": 0, "b": 1, "ab": 0}, [("a", "b")])
    shared = Tokenizer(tokenizers.Tokenizer(model), pad_id=1, unk_id=None, max_length=8)
    with pytest.raises(ConfigError, match="merges must be of pieces with an id of"):
        trim(shared, np.arange(2))


def test_another_kind_is_refused() -> None:
    backend = tokenizers.Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    words = Tokenizer(backend, pad_id=0, unk_id=0, max_length=8)
    with pytest.raises(
        ConfigError, match=r"Unigram, WordPiece, BPE .* got 'WordLevel'"
    ):
        trim(words, np.arange(2))


@pytest.mark.parametrize("kind", EVERY)
def test_sentences_of_words_have_the_same_tokens(kind: str) -> None:
    whole = trained(kind)
    sentences = [tuple(text.split()) for text in names("ru")] + [("日本", "ab")]
    trimmed, kept = trimmed_by(whole, sentences)
    before, places = whole.encode_words(sentences)
    after, others = trimmed.encode_words(sentences)
    assert [kept[one.ids].tolist() for one in after] == [one.ids for one in before]
    assert [one.tolist() for one in others] == [one.tolist() for one in places]
    assert trimmed.vocab_size < whole.vocab_size
