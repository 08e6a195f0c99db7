"""Imported weights give the numbers that `transformers` gives in PyTorch."""

import functools
import json
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from xlnas_jax.supernet.encoder import encode_full_seen
from xlnas_jax.supernet.families.registry import FAMILIES
from xlnas_jax.supernet.heads import pool, read_out
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.pieces.norms import closed
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.supernet.pretrained import (
    load_encoder,
    load_head,
    load_pooler,
    read_shape,
)
from xlnas_jax.types import CheckpointError, ConfigError

# Two float32 programs that add in different orders, over at most six layers.
TOLERANCE = 1e-4


def make_inputs(shape, lengths):
    """Random tokens and segments, padded on the right; and what is no padding."""
    rng = np.random.default_rng(0)
    size = (len(lengths), max(lengths))
    real = np.arange(size[1])[None, :] < np.asarray(lengths)[:, None]
    tokens = np.where(real, rng.integers(5, shape.vocab_size, size), shape.pad_id)
    segments = np.where(real, rng.integers(0, shape.num_segments, size), 0)
    return tokens.astype(np.int32), segments.astype(np.int32), real


def hidden_states(directory, tokens, segments, real):
    """Final hidden states of the imported encoder."""
    return every_hidden_state(directory, tokens, segments, real)[-1]


def every_hidden_state(directory, tokens, segments, real):
    """Those of the embeddings, of every layer, and of the network."""
    shape = read_shape(directory)
    params = load_encoder(directory, shape)

    @jax.jit
    def run(params, tokens, segments, mask):
        x = embed(params.embeddings, shape, tokens, segments, jnp.float32)
        layers = layers_of(params, shape)
        given = layers, shape, x, mask, None, 0.0, False, None
        _, seen = encode_full_seen(*given, lambda hidden: hidden)
        last = closed(seen[-1], params.final_norm, shape)
        return jnp.concatenate([x[None], seen[:-1], last[None]])

    return run(params, jnp.array(tokens), jnp.array(segments), jnp.array(real))


@torch.no_grad()
def run_torch(model, tokens, segments, real, **more):
    """What the oracle gives for the same tokens."""
    if FAMILIES[model.config.model_type].spec.has_segments:
        more["token_type_ids"] = torch.tensor(segments).long()
    return model(
        input_ids=torch.tensor(tokens).long(),
        attention_mask=torch.tensor(real).long(),
        **more,
    )


def max_difference(ours, theirs, where=True):
    """Largest absolute difference over real tokens."""
    difference = np.abs(np.asarray(ours) - theirs.numpy())
    return float(difference[where].max())


def assert_same_weights(left, right):
    """Both trees hold the same bits."""
    for one, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parity
def test_classifier_equals_transformers(family, save_tiny, checkpoint, record):
    oracle = save_tiny(family, "ForSequenceClassification")
    shape = read_shape(checkpoint)
    tokens, segments, real = make_inputs(shape, [1, 2, 7, shape.max_length])

    every = every_hidden_state(checkpoint, tokens, segments, real)
    hidden, head = every[-1], load_head(checkpoint, shape, num_outputs=3)
    first = functools.partial(pool, pooling="cls")
    logits = read_out(hidden, jnp.array(real), head, first)

    expected = run_torch(oracle, tokens, segments, real, output_hidden_states=True)
    theirs = torch.stack(expected.hidden_states)
    hidden_difference = max_difference(every, theirs, (slice(None), real))
    logit_difference = max_difference(logits, expected.logits)
    record("max_abs_difference_hidden", hidden_difference)
    record("max_abs_difference_logits", logit_difference)
    assert shape.max_length == 20
    assert hidden_difference < TOLERANCE
    assert logit_difference < TOLERANCE


@pytest.mark.parity
def test_real_bert_equals_transformers(minilm, record):
    oracle = transformers.AutoModel.from_pretrained(minilm).eval()
    shape = read_shape(minilm)
    tokens, segments, real = make_inputs(shape, [1, 9, 64, shape.max_length])

    hidden = hidden_states(minilm, tokens, segments, real)
    pooler = load_pooler(minilm, shape)
    pooled = jnp.tanh(hidden[:, 0] @ pooler.kernel + pooler.bias[None])

    expected = run_torch(oracle, tokens, segments, real)
    difference = max_difference(hidden, expected.last_hidden_state, real)
    record("max_abs_difference_hidden", difference)
    assert shape.max_length == 512
    assert difference < TOLERANCE
    assert max_difference(pooled, expected.pooler_output) < TOLERANCE


@pytest.mark.parity
def test_real_xlmr_equals_transformers(shared, record):
    directory = shared / "models" / "mini-multilingual"
    oracle = transformers.AutoModel.from_pretrained(
        directory, add_pooling_layer=False
    ).eval()
    shape = read_shape(directory)
    tokens, segments, real = make_inputs(shape, [1, 9, 64, shape.max_length])

    hidden = hidden_states(directory, tokens, segments, real)

    expected = run_torch(oracle, tokens, segments, real)
    difference = max_difference(hidden, expected.last_hidden_state, real)
    record("max_abs_difference_hidden", difference)
    assert shape.max_length == 128
    assert difference < TOLERANCE


def test_padding_changes_no_real_token(save_tiny, checkpoint):
    save_tiny("xlm-roberta", "Model")
    tokens, segments, real = make_inputs(read_shape(checkpoint), [5, 20])

    padded = hidden_states(checkpoint, tokens, segments, real)
    alone = hidden_states(checkpoint, tokens[:1, :5], segments[:1, :5], real[:1, :5])

    np.testing.assert_allclose(padded[:1, :5], alone, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_float_checkpoints_become_float32_exactly(dtype, save_tiny, checkpoint):
    oracle = save_tiny("bert", "Model", dtype=dtype)

    params = load_encoder(checkpoint, read_shape(checkpoint))

    word = oracle.embeddings.word_embeddings.weight.detach().numpy()
    assert params.embeddings.word.dtype == jnp.float32
    np.testing.assert_array_equal(params.embeddings.word, word)


def test_sharded_checkpoint_equals_one_file(save_tiny, checkpoint):
    save_tiny("bert", "Model")
    shape = read_shape(checkpoint)
    whole = load_encoder(checkpoint, shape)
    (checkpoint / "model.safetensors").unlink()

    save_tiny("bert", "Model", shard="20KB")

    assert len(list(checkpoint.glob("model-*.safetensors"))) > 2
    sharded = load_encoder(checkpoint, shape)
    assert_same_weights(sharded, whole)


def test_tensorflow_names_of_layer_norms_are_understood(save_tiny, checkpoint):
    save_tiny("bert", "ForMaskedLM")
    shape = read_shape(checkpoint)
    modern = load_encoder(checkpoint, shape)
    path = checkpoint / "model.safetensors"
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in load_file(path).items()
    }
    save_file(old, path)

    assert_same_weights(load_encoder(checkpoint, shape), modern)


@pytest.mark.parametrize("kind", ["ForSequenceClassification", "ForPreTraining"])
def test_known_heads_are_ignored_in_silence(kind, save_tiny, checkpoint):
    save_tiny("bert", kind)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_encoder(checkpoint, read_shape(checkpoint))


def test_layers_beyond_the_configured_ones_are_warned_of(save_tiny, checkpoint):
    save_tiny("bert", "Model")
    edit_config(checkpoint, num_hidden_layers=2)

    with pytest.warns(UserWarning, match=r"ignored 16.*encoder\.layer\.2"):
        load_encoder(checkpoint, read_shape(checkpoint))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", ["Model", "ForMaskedLM", "ForTokenClassification"])
def test_only_sequence_classifiers_have_a_head(family, kind, save_tiny, checkpoint):
    save_tiny(family, kind)

    assert load_head(checkpoint, read_shape(checkpoint)) is None


def test_head_has_as_many_outputs_as_are_stored(save_tiny, checkpoint):
    save_tiny("roberta", "ForSequenceClassification", num_labels=7)

    head = load_head(checkpoint, read_shape(checkpoint))

    assert head.output.kernel.shape == (24, 7)


def test_head_with_other_outputs_than_asked_is_refused(save_tiny, checkpoint):
    save_tiny("bert", "ForSequenceClassification")

    with pytest.raises(CheckpointError, match=r"classifier.weight.*\(5, 24\).*\(3, 24"):
        load_head(checkpoint, read_shape(checkpoint), num_outputs=5)


@pytest.mark.parametrize(
    ("family", "kind"), [("bert", "ForMaskedLM"), ("xlm-roberta", "Model")]
)
def test_pooler_is_none_where_nothing_trained_it(family, kind, save_tiny, checkpoint):
    save_tiny(family, kind)

    assert load_pooler(checkpoint, read_shape(checkpoint)) is None


def edit_config(directory, **values):
    """Changes values of a saved `config.json`; None removes one."""
    path = directory / "config.json"
    config = json.loads(path.read_text()) | values
    kept = {key: value for key, value in config.items() if value is not None}
    path.write_text(json.dumps(kept))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "deberta"}, "xlm-roberta, .*; got 'deberta'"),
        ({"model_type": None}, "got None"),
        ({"hidden_act": "gelu_new"}, "hidden_act must be 'gelu'; got 'gelu_new'"),
        ({"position_embedding_type": "relative_key"}, "must be 'absolute'"),
        ({"is_decoder": True}, "is_decoder must be False"),
        ({"num_attention_heads": 5}, "must divide hidden_size 24; got 5"),
        ({"hidden_size": None}, "hidden_size must be an integer"),
        ({"num_hidden_layers": "3"}, "num_hidden_layers must be .* got '3'"),
        ({"num_hidden_layers": True}, "num_hidden_layers must be .* got True"),
        ({"num_hidden_layers": 2.0}, "num_hidden_layers must be .* got 2.0"),
        ({"num_hidden_layers": 10**6}, "from 1 to 1,024; got 1000000"),
        ({"vocab_size": 10**12}, "vocab_size must be an integer"),
        ({"layer_norm_eps": "tiny"}, "layer_norm_eps must be a number"),
        ({"layer_norm_eps": 0}, "layer_norm_eps must be a number above 0"),
        ({"layer_norm_eps": True}, "layer_norm_eps must be a number above 0"),
        ({"layer_norm_eps": 1e300}, "got 1e.300"),
        ({"layer_norm_eps": 10**400}, "layer_norm_eps must be a number above 0"),
        ({"layer_norm_eps": float("nan")}, "NaN is no number of JSON"),
        ({"layer_norm_eps": float("inf")}, "Infinity is no number of JSON"),
    ],
)
def test_configuration_without_exact_layers_is_refused(
    values, message, save_tiny, checkpoint
):
    save_tiny("bert", "Model")
    edit_config(checkpoint, **values)

    with pytest.raises(ConfigError, match=message):
        read_shape(checkpoint)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_broken_configuration_is_refused(text, tmp_path):
    (tmp_path / "config.json").write_text(text)

    with pytest.raises(ConfigError, match="JSON"):
        read_shape(tmp_path)


def test_family_defaults_fill_an_old_configuration(save_tiny, checkpoint):
    save_tiny("xlm-roberta", "Model")
    edit_config(checkpoint, pad_token_id=None, layer_norm_eps=None)

    shape = read_shape(checkpoint)

    assert (shape.pad_id, shape.position_offset) == (1, 2)
    assert shape.norm_epsilon == 1e-12
