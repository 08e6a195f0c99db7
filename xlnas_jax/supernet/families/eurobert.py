"""EuroBERT: the layers of Llama, seen from both sides.

References:
    Boizard et al., "EuroBERT: scaling multilingual encoders for European languages",
    2025. https://arxiv.org/abs/2503.05500
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xlnas_jax.space.shape import BEFORE, ROTARY, EncoderShape, Spec
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.layout import Rule, dense, kernel, scale, table
from xlnas_jax.supernet.families.rotary import theta_of
from xlnas_jax.types import ConfigError, brief

_L = "{encoder}layers.{layer}"
_QUERIES, _KEYS = "group mate head_dim", "group head_dim"
# Of `config.json`, where it leaves it out.
_THETA = 10_000.0
# The output over the vocabulary is a product alone, without BERT's head before it.
_VOCABULARY = table("lm_head", "decoder", "vocab")

LAYER: tuple[Rule, ...] = (
    kernel(f"{_L}.self_attn.q_proj", "layers.query", "model", _QUERIES),
    kernel(f"{_L}.self_attn.k_proj", "layers.key", "model", _KEYS),
    kernel(f"{_L}.self_attn.v_proj", "layers.value", "model", _KEYS),
    kernel(f"{_L}.self_attn.o_proj", "layers.output", _QUERIES, "model"),
    scale(f"{_L}.input_layernorm", "layers.attention_norm"),
    # The map that the activation follows is called the gate there.
    kernel(f"{_L}.mlp.gate_proj", "layers.up", "model", "neuron"),
    kernel(f"{_L}.mlp.up_proj", "layers.gate", "model", "neuron"),
    kernel(f"{_L}.mlp.down_proj", "layers.down", "neuron", "model"),
    scale(f"{_L}.post_attention_layernorm", "layers.ffn_norm"),
)


def sizes_of(config: Mapping[str, Any], num_layers: int, where: str) -> dict[str, Any]:
    """How many heads share keys and values, and the base of the angles."""
    del num_layers
    heads, width = config["num_attention_heads"], config["hidden_size"]
    groups = config.get("num_key_value_heads")
    groups = heads if groups is None else groups
    if type(groups) is not int or groups < 1 or heads % groups:
        raise ConfigError(
            f"{where}: num_key_value_heads must divide num_attention_heads {heads}; "
            f"got {brief(groups)}. Use the configuration saved with the weights."
        )
    if config.get("head_dim") not in (None, width // heads):
        raise ConfigError(
            f"{where}: head_dim must be hidden_size over num_attention_heads, "
            f"{width // heads}; got {brief(config['head_dim'])}, for which there is no "
            f"layer. Choose another checkpoint."
        )
    given, old = config.get("rope_parameters"), config.get("rope_theta", _THETA)
    theta = theta_of(config, given, old, where)
    return {"num_groups": groups, "theta": theta}


def entries(shape: EncoderShape, is_local: Sequence[bool]) -> dict[str, Any]:
    """The inverse."""
    del is_local
    return {
        "num_key_value_heads": shape.num_groups,
        "head_dim": shape.head_dim,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.theta},
    }


FAMILY = Family(
    name="eurobert",
    classes="EuroBert",
    spec=Spec(
        norm_place=BEFORE,
        norm="rms",
        has_norm_biases=False,
        has_embedding_norm=False,
        has_final_norm=True,
        positions=ROTARY,
        activation="silu",
        is_gated=True,
        has_biases=False,
        has_grouped_heads=True,
        has_segments=False,
        head="gelu",
    ),
    fixed={"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    keys={"type_vocab_size": "", "layer_norm_eps": "rms_norm_eps"},
    epsilon=1e-5,
    prefix="model.",
    pad_id=128001,
    embeddings=(table("{encoder}embed_tokens", "embeddings.word", "vocab"),),
    layer=LAYER,
    final=(scale("{encoder}norm", "final_norm"),),
    pooler=None,
    head=(
        *dense("dense", "hidden", "model", "inner"),
        *dense("classifier", "output", "inner", "label"),
    ),
    mlm=(),
    decoder=(_VOCABULARY, _VOCABULARY, _VOCABULARY),
    token_heads={"tagging": dense("classifier", "output", "model", "label")},
    poolings={"cls": "bos", "mean": "mean"},
    sizes_of=sizes_of,
    entries=entries,
)
