"""From examples of several languages to token arrays in shared length buckets."""

import numpy as np
from jaxtyping import Int

from xlnas_jax.data.buckets import make_batches, make_rows, optimal_boundaries
from xlnas_jax.data.examples import Examples
from xlnas_jax.data.tokens import Encoding, Tokenizer
from xlnas_jax.types import Batch


def batch_examples(
    tokenizer: Tokenizer, parts: list[Examples], num_buckets: int, batch_tokens: int
) -> tuple[Batch, ...]:
    """Batches for scoring; `Batch.language` is the position of the part."""
    encoded, labels, languages, ends = _encode(tokenizer, parts, num_buckets)
    pad_id = tokenizer.pad_id
    return make_batches(encoded, labels, languages, ends, batch_tokens, pad_id)


def row_examples(
    tokenizer: Tokenizer, parts: list[Examples], num_buckets: int
) -> tuple[Batch, ...]:
    """Single rows, for training to draw batches from."""
    encoded, labels, languages, ends = _encode(tokenizer, parts, num_buckets)
    return make_rows(encoded, labels, languages, ends, tokenizer.pad_id)


def _encode(
    tokenizer: Tokenizer, parts: list[Examples], num_buckets: int
) -> tuple[
    list[Encoding],
    Int[np.ndarray, " example"],
    Int[np.ndarray, " example"],
    tuple[int, ...],
]:
    """Tokens, labels and part positions, one part after another, and bucket ends."""
    encoded = [item for part in parts for item in tokenizer.encode(part.texts)]
    labels = np.concatenate([part.labels for part in parts])
    sizes = [len(part) for part in parts]
    languages = np.repeat(np.arange(len(parts), dtype=np.int32), sizes)
    lengths = np.asarray([len(item.ids) for item in encoded])
    return encoded, labels, languages, optimal_boundaries(lengths, num_buckets)
