"""ModernBERT, and mmBERT in many languages: rotary positions, gates, local layers.

The first layer has no norm before its attention: embedded tokens have passed one.

References:
    Warner et al., "Smarter, better, faster, longer: a modern bidirectional encoder",
    2024. https://arxiv.org/abs/2412.13663
    Marone et al., "mmBERT: a modern multilingual encoder with annealed language
    learning", 2025. https://arxiv.org/abs/2509.06888
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xlnas_jax.space.shape import BEFORE, ROTARY, EncoderShape, Spec
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.layout import Rule, kernel, scale, table
from xlnas_jax.supernet.families.rotary import theta_of
from xlnas_jax.types import ConfigError, brief

_L = "{encoder}layers.{layer}"
_HEADS = "head head_dim"
FULL, LOCAL = "full_attention", "sliding_attention"
# Of `config.json`, where it leaves them out.
_EVERY, _WINDOW, _THETAS = 3, 128, {FULL: 160_000.0, LOCAL: 10_000.0}
_OLD = {FULL: "global_rope_theta", LOCAL: "local_rope_theta"}
_MOST = 1 << 20

LAYER: tuple[Rule, ...] = (
    # Queries, keys and values are one map, one after another.
    *(
        kernel(f"{_L}.attn.Wqkv", f"layers.{name}", "model", _HEADS)._replace(
            part=(place, 3)
        )
        for place, name in enumerate(("query", "key", "value"))
    ),
    kernel(f"{_L}.attn.Wo", "layers.output", _HEADS, "model"),
    scale(f"{_L}.attn_norm", "layers.attention_norm")._replace(first=1),
    # So are what the activation follows, and what that is multiplied by.
    *(
        kernel(f"{_L}.mlp.Wi", f"layers.{name}", "model", "neuron")._replace(
            part=(place, 2)
        )
        for place, name in enumerate(("up", "gate"))
    ),
    kernel(f"{_L}.mlp.Wo", "layers.down", "neuron", "model"),
    scale(f"{_L}.mlp_norm", "layers.ffn_norm"),
)


def sizes_of(config: Mapping[str, Any], num_layers: int, where: str) -> dict[str, Any]:
    """Which layers are local, how far these see, and the bases of the angles."""
    window = _count(config, "local_attention", _WINDOW, where)
    given = config.get("rope_parameters")
    thetas = {
        kind: theta_of(
            config,
            given.get(kind) if isinstance(given, Mapping) else None,
            config.get(_OLD[kind], _THETAS[kind]),
            where,
        )
        for kind in (FULL, LOCAL)
    }
    return {
        "theta": thetas[FULL],
        "local_theta": thetas[LOCAL],
        "local_window": window // 2,
        "local_layers": _local(config, num_layers, where),
    }


def _local(config: Mapping[str, Any], num_layers: int, where: str) -> tuple[int, ...]:
    kinds = config.get("layer_types")
    if kinds is None:
        every = _count(config, "global_attn_every_n_layers", _EVERY, where)
        return tuple(number for number in range(num_layers) if number % every)
    is_list = isinstance(kinds, list) and len(kinds) == num_layers
    if not is_list or not all(kind in (FULL, LOCAL) for kind in kinds):
        raise ConfigError(
            f"{where}: layer_types must be one of {FULL} and {LOCAL} for each of the "
            f"{num_layers} layers; got {brief(kinds)}. Use the configuration saved "
            f"with the weights."
        )
    return tuple(number for number, kind in enumerate(kinds) if kind == LOCAL)


def _count(config: Mapping[str, Any], key: str, default: int, where: str) -> int:
    value = config.get(key, default)
    if type(value) is not int or not 1 <= value <= _MOST:
        raise ConfigError(
            f"{where}: {key} must be an integer from 1 to {_MOST:,}; got "
            f"{brief(value)}. Use the configuration saved with the weights."
        )
    return value


def entries(shape: EncoderShape, is_local: Sequence[bool]) -> dict[str, Any]:
    """The inverse, for layers of these kinds."""
    thetas = {FULL: shape.theta, LOCAL: shape.local_theta}
    return {
        "layer_types": [LOCAL if one else FULL for one in is_local],
        "local_attention": 2 * shape.local_window,
        "rope_parameters": {
            kind: {"rope_type": "default", "rope_theta": theta}
            for kind, theta in thetas.items()
        },
    }


FAMILY = Family(
    name="modernbert",
    classes="ModernBert",
    spec=Spec(
        norm_place=BEFORE,
        has_norm_biases=False,
        has_final_norm=True,
        positions=ROTARY,
        is_gated=True,
        has_biases=False,
        has_local_layers=True,
        is_first_bare=True,
        has_segments=False,
        head="gelu, norm",
    ),
    fixed={
        "hidden_activation": "gelu",
        "norm_bias": False,
        "attention_bias": False,
        "mlp_bias": False,
        "classifier_activation": "gelu",
    },
    keys={"type_vocab_size": "", "layer_norm_eps": "norm_eps"},
    epsilon=1e-5,
    prefix="model.",
    pad_id=50283,
    embeddings=(
        table("{encoder}embeddings.tok_embeddings", "embeddings.word", "vocab"),
        scale("{encoder}embeddings.norm", "embeddings.norm"),
    ),
    layer=LAYER,
    final=(scale("{encoder}final_norm", "final_norm"),),
    pooler=None,
    head=(
        kernel("head.dense", "hidden", "model", "inner"),
        Rule("head.dense.bias", "hidden.bias", "(inner) -> inner"),
        scale("head.norm", "norm"),
        kernel("classifier", "output", "inner", "label"),
        Rule("classifier.bias", "output.bias", "(label) -> label"),
    ),
    mlm=(
        kernel("head.dense", "transform", "model", "inner"),
        scale("head.norm", "norm"),
    ),
    decoder=(
        table("decoder", "decoder", "vocab"),
        Rule("decoder.bias", "bias", "(vocab) -> vocab"),
        Rule("decoder.bias", "bias", "(vocab) -> vocab"),
    ),
    # Its classes of tokens have a dense layer, GELU and norm before the output.
    token_heads={},
    poolings={"cls": "cls", "mean": "mean"},
    class_entries={"classifier_bias": True},
    sizes_of=sizes_of,
    entries=entries,
)
