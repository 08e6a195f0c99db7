"""Small tokenizers of every kind, and their trimming by texts."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import tokenizers
from jaxtyping import Int
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from xlnas_jax.config.data import CldrData
from xlnas_jax.data.cldr import make_cldr_source
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.counting import choose, count
from xlnas_jax.data.tokens.trimming.cutting import Text
from xlnas_jax.data.tokens.trimming.registry import KINDS, kind_of
from xlnas_jax.data.tokens.trimming.trim import content_of, specials, trim

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
SIZE = 700


@functools.cache
def names(*languages: str) -> tuple[str, ...]:
    """Names of countries and the like, three to a line."""
    source = make_cldr_source(CldrData(per_class=60))
    found = [text for code in languages for text in source.read(code, "train").texts]
    return tuple(", ".join(found[n : n + 3]) for n in range(0, len(found), 3))


def trained(kind: str) -> Tokenizer:
    """A tokenizer of names in four scripts; what it cannot say is `<unk>`."""
    found = _trained(kind)
    # A copy: whoever encodes with it sets how it truncates.
    backend = tokenizers.Tokenizer.from_str(found.backend.to_str())
    return dataclasses.replace(found, backend=backend)


@functools.cache
def _trained(kind: str) -> Tokenizer:
    made = {"Unigram": _unigram, "WordPiece": _wordpiece, "BPE": _bpe}[kind]()
    texts = names("en", "fr", "ru", "el", "hi", "tr")
    common = {"vocab_size": SIZE, "special_tokens": SPECIALS, "show_progress": False}
    trainer = {
        "Unigram": lambda: trainers.UnigramTrainer(unk_token="<unk>", **common),
        "WordPiece": lambda: trainers.WordPieceTrainer(**common),
        "BPE": lambda: trainers.BpeTrainer(
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **common
        ),
    }[kind]()
    made.train_from_iterator(texts, trainer)
    made.add_special_tokens(["<mask>"])  # an id behind all others
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    unknown = made.token_to_id("<unk>") if kind != "BPE" else None
    return Tokenizer(made, pad_id=1, unk_id=unknown, max_length=64)


def _unigram() -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


def _wordpiece() -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def _bpe() -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return made


def trimmed_by(
    tokenizer: Tokenizer,
    texts: Sequence[Text],
    min_count: int = 1,
    most: int | None = None,
) -> tuple[Tokenizer, Int[np.ndarray, " kept"]]:
    """A tokenizer with the pieces that texts use, and their old ids."""
    content = content_of(tokenizer.backend)
    model = content["model"]
    kind = kind_of(model)
    size = max(tokenizer.backend.get_vocab().values()) + 1
    counts = count(tokenizer.backend, kind, model, texts, size)
    always = specials(content, tokenizer.pad_id)
    kept = choose(kind, model, counts, always, min_count, most)
    return trim(tokenizer, kept), kept


EVERY = tuple(KINDS)
