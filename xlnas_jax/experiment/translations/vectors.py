"""Vectors of the words of sentences, in one layer of the encoder as it was imported."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.batches.batches import scoring_batches
from xlnas_jax.data.batches.rows import one_each
from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.weights import whole_encoder
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.encoder import encode_full_seen
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import EncoderParams
from xlnas_jax.types import Batch

Vectors = list[Float[np.ndarray, "word model"]]
# As many tokens at once as scoring takes of one candidate.
_BATCH_TOKENS = 2048
_BUCKETS = 4


def default_layer(num_layers: int) -> int:
    """Two thirds from below: the last ones are of the task that was pretrained on."""
    return max(1, round(2 * num_layers / 3))


def word_vectors(
    experiment: Experiment,
    part: TaskPart,
    sentences: Sequence[Sequence[str]],
    layer: int,
) -> Vectors:
    """The mean of each word's pieces after a layer, counted from 1.

    Of a word that was cut off, or of which the tokenizer leaves nothing, it is 0.
    """
    tokenizer = part.tokenizer
    whole = whole_encoder(experiment)
    shape, space = whole.shape, make_space(SpaceConfig(), whole.shape)

    @jax.jit
    def encode(encoder: EncoderParams, batch: Batch) -> Array:
        tables = encoder.embeddings
        x = embed(tables, shape, batch.tokens, batch.segments, jnp.float32)
        given = encoder.layers, shape, x, batch.mask, None, 0.0, False, space
        _, seen = encode_full_seen(*given, lambda x: x)
        return seen[layer - 1]

    encodings, firsts = tokenizer.encode_words(sentences)
    ranges = [
        _ranges(tokenizer, one, first)
        for one, first in zip(encodings, firsts, strict=True)
    ]
    rows = one_each(encodings, np.zeros(len(encodings), np.int32))
    given = rows, _BUCKETS, _BATCH_TOKENS, tokenizer.pad_id
    batches, plans = scoring_batches(*given)
    found: Vectors = [np.zeros((len(one), shape.width)) for one in sentences]
    for steps, plan in zip(batches, plans, strict=True):
        for step in range(len(plan.rows)):
            batch = jax.tree.map(lambda leaf, n=step: leaf[n], steps)
            hidden = np.asarray(encode(whole.encoder, batch))
            for place in np.flatnonzero(plan.weight[step] > 0):
                row = int(plan.rows[step][place])
                for word, (start, end) in enumerate(ranges[row]):
                    if end > start:
                        found[row][word] = hidden[place, start:end].mean(0)
    return found


def _ranges(
    tokenizer: Tokenizer, encoding: Encoding, first: np.ndarray
) -> list[tuple[int, int]]:
    """From which token to which each word goes; nothing of one that is not there."""
    # Behind the last word stand as many special tokens as before it there are not.
    specials = tokenizer.backend.num_special_tokens_to_add(False)
    end = len(encoding.ids) - max(specials - 1, 0)
    ranges = []
    for start in first[::-1].tolist():
        ranges.append((start, end) if start >= 0 else (0, 0))
        end = start if start >= 0 else end
    return ranges[::-1]
