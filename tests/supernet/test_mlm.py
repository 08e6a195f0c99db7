"""The imported masked-language-model head gives the logits of `transformers`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from xlnas_jax.supernet.encoder import encode_full
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.mlm import load_mlm_head, mlm_logits
from xlnas_jax.supernet.pieces.norms import closed
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.supernet.pretrained import load_encoder, read_shape
from xlnas_jax.types import CheckpointError

# Two float32 programs that add in different orders, over at most six layers.
TOLERANCE = 1e-4


def vocabulary_logits(directory, tokens, real):
    """Logits of the imported encoder and head."""
    shape = read_shape(directory)
    params, head = load_encoder(directory, shape), load_mlm_head(directory, shape)

    @jax.jit
    def run(params, head, tokens, mask):
        segments = jnp.zeros_like(tokens)
        x = embed(params.embeddings, shape, tokens, segments, jnp.float32)
        x = encode_full(layers_of(params, shape), shape, x, mask)
        x = closed(x, params.final_norm, shape)
        return mlm_logits(x, head, params.embeddings.word, shape.norm_epsilon)

    return run(params, head, jnp.array(tokens), jnp.array(real))


def max_difference(oracle, directory, lengths):
    """Largest absolute difference of logits over real tokens."""
    shape = read_shape(directory)
    size = (len(lengths), max(lengths))
    real = np.arange(size[1])[None, :] < np.asarray(lengths)[:, None]
    tokens = np.random.default_rng(0).integers(5, shape.vocab_size, size)
    tokens = np.where(real, tokens, shape.pad_id).astype(np.int32)
    with torch.no_grad():
        expected = oracle(
            input_ids=torch.tensor(tokens).long(),
            attention_mask=torch.tensor(real).long(),
        ).logits
    ours = np.asarray(vocabulary_logits(directory, tokens, real))
    return float(np.abs(ours - expected.numpy())[real].max())


@pytest.mark.parametrize(
    "family",
    [
        "bert",
        "roberta",
        "xlm-roberta",
        "xlm-roberta-xl",
        "distilbert",
        "modernbert",
        "gte",
        "deberta-v2",
    ],
)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parity
def test_logits_equal_transformers(family, tied, save_tiny, checkpoint, record):
    oracle = save_tiny(family, "ForMaskedLM", tie_word_embeddings=tied)

    difference = max_difference(oracle, checkpoint, [1, 2, 7, 20])

    record("max_abs_difference_logits", difference)
    head = load_mlm_head(checkpoint, read_shape(checkpoint))
    assert (head.decoder is None) == tied
    assert difference < TOLERANCE


@pytest.mark.parity
def test_real_xlmr_logits_equal_transformers(shared, record):
    directory = shared / "models" / "mini-multilingual"
    oracle = transformers.AutoModelForMaskedLM.from_pretrained(directory).eval()

    difference = max_difference(oracle, directory, [1, 9, 128])

    record("max_abs_difference_logits", difference)
    assert difference < TOLERANCE


def test_stored_copy_of_the_word_table_counts_as_tied(save_tiny, checkpoint):
    save_tiny("bert", "ForMaskedLM")
    path = checkpoint / "model.safetensors"
    tensors = load_file(path)
    word = tensors["bert.embeddings.word_embeddings.weight"]
    save_file(tensors | {"cls.predictions.decoder.weight": word.clone()}, path)

    assert load_mlm_head(checkpoint, read_shape(checkpoint)).decoder is None


def test_stored_kernel_that_differs_is_kept(save_tiny, checkpoint):
    save_tiny("bert", "ForMaskedLM")
    path = checkpoint / "model.safetensors"
    tensors = load_file(path)
    kernel = tensors["bert.embeddings.word_embeddings.weight"] + 1.0
    save_file(tensors | {"cls.predictions.decoder.weight": kernel}, path)

    head = load_mlm_head(checkpoint, read_shape(checkpoint))

    np.testing.assert_array_equal(head.decoder, kernel.numpy())


def test_untied_decoder_must_be_stored(save_tiny, checkpoint):
    save_tiny("roberta", "ForMaskedLM", tie_word_embeddings=False)
    path = checkpoint / "model.safetensors"
    tensors = load_file(path)
    del tensors["lm_head.decoder.weight"]
    save_file(tensors, path)

    with pytest.raises(CheckpointError, match=r"'lm_head\.decoder\.weight' must be"):
        load_mlm_head(checkpoint, read_shape(checkpoint))


def test_encoder_without_the_head_gives_none(save_tiny, checkpoint):
    save_tiny("xlm-roberta", "Model")

    assert load_mlm_head(checkpoint, read_shape(checkpoint)) is None


def test_bfloat16_hidden_states_give_float32_logits(save_tiny, checkpoint):
    save_tiny("roberta", "ForMaskedLM")
    shape = read_shape(checkpoint)
    head = load_mlm_head(checkpoint, shape)
    word = load_encoder(checkpoint, shape).embeddings.word
    hidden = jax.random.normal(jax.random.key(0), (2, 3, 24), jnp.bfloat16)

    logits = mlm_logits(hidden, head, word, shape.norm_epsilon)
    exact = mlm_logits(hidden.astype(jnp.float32), head, word, shape.norm_epsilon)

    assert logits.dtype == jnp.float32
    # Eight bits of mantissa over sums of 24 terms of about one.
    np.testing.assert_allclose(logits, exact, atol=0.3)
