"""One tokenizer for all forms."""

import pytest

from tests.export.forms.networks import LENGTH, WORDS
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.forms.registry import sample_texts


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """Of a few words in several scripts."""
    texts = [*sample_texts(["de", "am", "fr"])[:-1], *WORDS]
    return train_tokenizer(texts, 240, LENGTH)
