"""Tiny Hugging Face models with every weight random, saved to disk."""

import pathlib
from collections.abc import Callable

import pytest
import torch
import transformers

from xlnas_jax.supernet.families.registry import FAMILIES

SIZES = {
    "vocab_size": 40,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 36,
    "num_labels": 3,
}
CONFIGS = {
    "bert": {
        "max_position_embeddings": 20,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
    },
    "roberta": {
        "max_position_embeddings": 22,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
    },
    "xlm-roberta": {
        "max_position_embeddings": 22,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
    },
}
CONFIGS["camembert"] = CONFIGS["roberta"]
CONFIGS["xlm-roberta-xl"] = CONFIGS["roberta"]
CONFIGS["modernbert"] = {
    "num_hidden_layers": 4,
    "max_position_embeddings": 20,
    "norm_eps": 1e-5,
    "global_attn_every_n_layers": 3,
    "local_attention": 6,
    "pad_token_id": 1,
}
CONFIGS["eurobert"] = {
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 20,
    "rope_parameters": {"rope_type": "default", "rope_theta": 250_000.0},
    "classifier_pooling": "bos",
    "pad_token_id": 1,
}
CONFIGS["gte"] = {
    "max_position_embeddings": 20,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-12,
    "rope_parameters": {"rope_type": "default", "rope_theta": 160_000.0},
}
CONFIGS["deberta-v2"] = {
    "max_position_embeddings": 20,
    "max_relative_positions": -1,
    "position_buckets": 6,
    "relative_attention": True,
    "position_biased_input": False,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "pos_att_type": ["p2c", "c2p"],
    "layer_norm_eps": 1e-7,
}
CONFIGS["distilbert"] = {"max_position_embeddings": 20, "hidden_dim": 36}

SaveTiny = Callable[..., torch.nn.Module]


@pytest.fixture
def checkpoint(tmp_path) -> pathlib.Path:
    """Where `save_tiny` puts its model."""
    return tmp_path / "checkpoint"


@pytest.fixture
def save_tiny(checkpoint) -> SaveTiny:
    """Makes, saves and returns a model; `kind` is the end of its class name."""

    def save(family: str, kind: str, dtype=torch.float32, shard="1GB", **config):
        torch.manual_seed(0)
        values = SIZES | CONFIGS[family] | config
        made = transformers.AutoConfig.for_model(family, **values)
        model = getattr(transformers, FAMILIES[family].classes + kind)(made).eval()
        with torch.no_grad():
            # Biases and norms too: at their usual 0 and 1 they could be mixed up.
            for weight in model.parameters():
                weight.normal_(0.0, 0.3)
        model.to(dtype).save_pretrained(checkpoint, max_shard_size=shard)
        return model.float()

    return save


@pytest.fixture
def record(request):
    """Keeps a measured difference for the reader of a report."""

    def keep(name, value):
        # `record_property` would warn where a JUnit report is written.
        request.node.user_properties.append((name, value))
        print(f"{name}: {value:.2e}")

    return keep
