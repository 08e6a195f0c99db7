"""DeBERTa v3, and mDeBERTa in many languages: scores by distances, see `relative`.

Tokens have no places of their own. Of the options that the family has, those of its
third version are read: both terms with distances, by the maps of queries and keys.

References:
    He et al., "DeBERTa: decoding-enhanced BERT with disentangled attention", 2021.
    https://arxiv.org/abs/2006.03654
    He et al., "DeBERTaV3: improving DeBERTa using ELECTRA-style pre-training with
    gradient-disentangled embedding sharing", 2021. https://arxiv.org/abs/2111.09543
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xlnas_jax.space.shape import RELATIVE, EncoderShape, Spec
from xlnas_jax.supernet.families import bert
from xlnas_jax.supernet.families.layout import Rule, dense, norm, table
from xlnas_jax.types import ConfigError, brief

_E = "{encoder}embeddings"
_L = "{encoder}encoder.layer.{layer}"
_HEADS = "head head_dim"
_TERMS = ("c2p", "p2c")
_MOST = 1 << 20
# What decides how layers compute, and what it stands for where it is left out.
_CHOSEN: Mapping[str, tuple[Any, Any]] = {
    "relative_attention": (True, False),
    "share_att_key": (True, False),
    "position_biased_input": (False, True),
    "norm_rel_ebd": ("layer_norm", "none"),
}

EMBEDDINGS: tuple[Rule, ...] = (
    table(f"{_E}.word_embeddings", "embeddings.word", "vocab"),
    *norm(f"{_E}.LayerNorm", "embeddings.norm"),
    table("{encoder}encoder.rel_embeddings", "embeddings.relative", "distance"),
    *norm("{encoder}encoder.LayerNorm", "embeddings.relative_norm"),
)

LAYER: tuple[Rule, ...] = (
    *(
        rule
        for name in ("query", "key", "value")
        for rule in dense(
            f"{_L}.attention.self.{name}_proj", f"layers.{name}", "model", _HEADS
        )
    ),
    *(rule for rule in bert.LAYER if ".self." not in rule.source),
)


def sizes_of(config: Mapping[str, Any], num_layers: int, where: str) -> dict[str, Any]:
    """How many distances have rows of their own, and how far they reach."""
    del num_layers
    for key, (wanted, default) in _CHOSEN.items():
        _require(config.get(key, default) == wanted, config, key, repr(wanted), where)
    terms = config.get("pos_att_type")
    names = terms.lower().split("|") if isinstance(terms, str) else terms
    found = {name.strip() for name in names or () if isinstance(name, str)}
    _require(found == {*_TERMS}, config, "pos_att_type", " and ".join(_TERMS), where)
    width, heads = config["hidden_size"], config["num_attention_heads"]
    own = {"embedding_size": width, "attention_head_size": width // heads}
    for key, size in own.items():
        _require(config.get(key) in (None, size), config, key, str(size), where)
    buckets = config.get("position_buckets")
    is_count = type(buckets) is int and 2 <= buckets <= _MOST
    _require(is_count, config, "position_buckets", f"from 2 to {_MOST:,}", where)
    assert isinstance(buckets, int)
    reach = config.get("max_relative_positions", -1)
    if type(reach) is int and reach < 1:
        reach = config["max_position_embeddings"]
    least = buckets // 2 + 2
    is_far = type(reach) is int and least <= reach <= _MOST
    words = f"from {least}, beyond those that have rows of their own"
    _require(is_far, config, "max_relative_positions", words, where)
    return {"relative_buckets": buckets, "relative_reach": reach}


def _require(
    holds: bool, config: Mapping[str, Any], key: str, wanted: str, where: str
) -> None:
    if not holds:
        raise ConfigError(
            f"{where}: {key} must be {wanted}; got {brief(config.get(key))}, for which "
            f"there is no layer. Choose another checkpoint."
        )


def entries(shape: EncoderShape, is_local: Sequence[bool]) -> dict[str, Any]:
    """The inverse."""
    del is_local
    return {
        **{key: wanted for key, (wanted, _) in _CHOSEN.items()},
        "pos_att_type": list(_TERMS),
        "position_buckets": shape.relative_buckets,
        "max_relative_positions": shape.relative_reach,
    }


FAMILY = bert.FAMILY._replace(
    name="deberta-v2",
    classes="DebertaV2",
    spec=Spec(positions=RELATIVE, has_segments=False, head="gelu"),
    fixed={
        "hidden_act": "gelu",
        "pooler_hidden_act": "gelu",
        "type_vocab_size": 0,
        "conv_kernel_size": 0,
    },
    keys={"type_vocab_size": ""},
    epsilon=1e-7,
    prefix="deberta.",
    pad_id=0,
    embeddings=EMBEDDINGS,
    layer=LAYER,
    pooler=None,
    head=(
        *dense("pooler.dense", "hidden", "model", "inner"),
        *dense("classifier", "output", "inner", "label"),
    ),
    sizes_of=sizes_of,
    entries=entries,
)
