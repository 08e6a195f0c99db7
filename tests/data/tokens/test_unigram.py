"""The Unigram trainer is as good as the library's, and bounded in size."""

import math

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from xlnas_jax.config.data import CldrData
from xlnas_jax.data.cldr import make_cldr_source
from xlnas_jax.data.tokens.coverage import fertility
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer, train_unigram

# The library's trainer differs by a few per cent between its own runs.
FERTILITY_RATIO = 1.05


def library_tokenizer(texts: list[str], size: int) -> Tokenizer:
    backend = tokenizers.Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return Tokenizer(backend, pad_id=1, unk_id=3, max_length=64)


@pytest.mark.parametrize("size", [300, 600])
@pytest.mark.parametrize("language", ["en", "es"])
def test_unseen_text_needs_no_more_pieces_than_with_the_library(
    size: int, language: str
) -> None:
    source = make_cldr_source(CldrData())
    texts = [
        text for code in ("en", "fr", "de") for text in source.read(code, "train").texts
    ]
    unseen = source.read(language, "test").texts
    ours = fertility(train_tokenizer(texts, size, 64), unseen)
    theirs = fertility(library_tokenizer(texts, size), unseen)
    assert ours <= FERTILITY_RATIO * theirs


def test_the_best_pieces_come_first_and_size_bounds_them() -> None:
    words = {f"w{i}": i + 1 for i in range(200)}
    pieces = train_unigram(words, size=40)
    scores = [score for _, score in pieces]
    assert len(pieces) <= 40
    assert scores == sorted(scores, reverse=True)
    assert math.fsum(map(math.exp, scores)) <= 1.0 + 1e-9


def test_half_of_the_vocabulary_may_be_characters() -> None:
    words = {chr(0x4E00 + i): 100 - i for i in range(100)} | {"aaaa": 5}
    pieces = dict(train_unigram(words, size=20))
    single = [piece for piece in pieces if len(piece) == 1]
    assert single == [chr(0x4E00 + i) for i in range(10)]
