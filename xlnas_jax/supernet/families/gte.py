"""GTE in many languages: the layers of BERT with rotary positions and a gate.

References:
    Zhang et al., "mGTE: generalized long-context text representation and reranking
    models for multilingual text retrieval", 2024. https://arxiv.org/abs/2407.19669
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xlnas_jax.space.shape import ROTARY, EncoderShape, Spec
from xlnas_jax.supernet.families import bert
from xlnas_jax.supernet.families.layout import Rule, dense, kernel, norm
from xlnas_jax.supernet.families.rotary import theta_of

_L = "{encoder}encoder.layer.{layer}"
# Of `config.json`, where it leaves it out.
_THETA = 160_000.0

# As checkpoints have them; the class of `transformers` takes fused maps apart.
LAYER: tuple[Rule, ...] = (
    *(
        rule._replace(part=(place, 3))
        for place, name in enumerate(("query", "key", "value"))
        for rule in dense(
            f"{_L}.attention.qkv_proj", f"layers.{name}", "model", "head head_dim"
        )
    ),
    *dense(f"{_L}.attention.o_proj", "layers.output", "head head_dim", "model"),
    *norm(f"{_L}.attn_ln", "layers.attention_norm"),
    # The map that the activation follows is the second.
    *(
        kernel(f"{_L}.mlp.up_gate_proj", f"layers.{name}", "model", "neuron")._replace(
            part=(place, 2)
        )
        for place, name in enumerate(("gate", "up"))
    ),
    *dense(f"{_L}.mlp.down_proj", "layers.down", "neuron", "model"),
    *norm(f"{_L}.mlp_ln", "layers.ffn_norm"),
)


def sizes_of(config: Mapping[str, Any], num_layers: int, where: str) -> dict[str, Any]:
    """The base of the angles."""
    del num_layers
    given, old = config.get("rope_parameters"), config.get("rope_theta", _THETA)
    return {"theta": theta_of(config, given, old, where)}


def entries(shape: EncoderShape, is_local: Sequence[bool]) -> dict[str, Any]:
    """The inverse."""
    del is_local
    return {"rope_parameters": {"rope_type": "default", "rope_theta": shape.theta}}


FAMILY = bert.FAMILY._replace(
    name="gte",
    classes="Gte",
    spec=Spec(positions=ROTARY, is_gated=True, has_inner_biases=False),
    fixed={"hidden_act": "gelu"},
    prefix="gte.",
    pad_id=1,
    embeddings=tuple(
        one for one in bert.EMBEDDINGS if one.target != "embeddings.position"
    ),
    layer=LAYER,
    mlm=(
        *dense("lm_head.dense", "transform", "model", "inner"),
        *norm("lm_head.norm", "norm"),
    ),
    decoder=bert.decoder("lm_head.decoder", "lm_head.decoder.bias"),
    token_heads={"tagging": dense("classifier", "output", "model", "label")},
    sizes_of=sizes_of,
    entries=entries,
)
