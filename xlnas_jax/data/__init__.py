"""Data: labelled text of many languages, as token arrays in length buckets."""

from xlnas_jax.data.buckets import (
    epoch_plan,
    make_batches,
    make_rows,
    optimal_boundaries,
    padding_share,
    steps_per_epoch,
)
from xlnas_jax.data.cipher import Cipher, make_cipher
from xlnas_jax.data.cldr import available_languages
from xlnas_jax.data.examples import Examples, LabelSet, Source
from xlnas_jax.data.sources import make_source, read
from xlnas_jax.data.tokens import (
    Encoding,
    Tokenizer,
    TokenizerWarning,
    fertility,
    load_tokenizer,
    unk_rate,
    warn,
)
from xlnas_jax.data.unigram import train_tokenizer

__all__ = [
    "Cipher",
    "Encoding",
    "Examples",
    "LabelSet",
    "Source",
    "Tokenizer",
    "TokenizerWarning",
    "available_languages",
    "epoch_plan",
    "fertility",
    "load_tokenizer",
    "make_batches",
    "make_cipher",
    "make_rows",
    "make_source",
    "optimal_boundaries",
    "padding_share",
    "read",
    "steps_per_epoch",
    "train_tokenizer",
    "unk_rate",
    "warn",
]
