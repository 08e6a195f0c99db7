"""BERT, and what is laid out like it.

References:
    Devlin et al., "BERT", 2019. https://arxiv.org/abs/1810.04805
"""

from xlnas_jax.space.shape import Spec
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.layout import Rule, dense, norm, table

_E = "{encoder}embeddings"
_L = "{encoder}encoder.layer.{layer}"

EMBEDDINGS: tuple[Rule, ...] = (
    table(f"{_E}.word_embeddings", "embeddings.word", "vocab"),
    table(f"{_E}.position_embeddings", "embeddings.position", "position"),
    table(f"{_E}.token_type_embeddings", "embeddings.segment", "segment"),
    *norm(f"{_E}.LayerNorm", "embeddings.norm"),
)

LAYER: tuple[Rule, ...] = (
    *dense(f"{_L}.attention.self.query", "layers.query", "model", "head head_dim"),
    *dense(f"{_L}.attention.self.key", "layers.key", "model", "head head_dim"),
    *dense(f"{_L}.attention.self.value", "layers.value", "model", "head head_dim"),
    *dense(f"{_L}.attention.output.dense", "layers.output", "head head_dim", "model"),
    *norm(f"{_L}.attention.output.LayerNorm", "layers.attention_norm"),
    *dense(f"{_L}.intermediate.dense", "layers.up", "model", "neuron"),
    *dense(f"{_L}.output.dense", "layers.down", "neuron", "model"),
    *norm(f"{_L}.output.LayerNorm", "layers.ffn_norm"),
)


# What another value would change in the forward pass.
FIXED = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
}


def decoder(name: str, shared_bias: str) -> tuple[Rule, Rule, Rule]:
    """Of a masked-language-model head: own kernel, own bias, shared bias."""
    return (
        table(name, "decoder", "vocab"),
        Rule(f"{name}.bias", "bias", "(vocab) -> vocab"),
        Rule(shared_bias, "bias", "(vocab) -> vocab"),
    )


FAMILY = Family(
    name="bert",
    classes="Bert",
    spec=Spec(),
    fixed=FIXED,
    prefix="bert.",
    pad_id=0,
    embeddings=EMBEDDINGS,
    layer=LAYER,
    pooler=dense("{encoder}pooler.dense", "", "model", "inner"),
    head=(
        *dense("{encoder}pooler.dense", "hidden", "model", "inner"),
        *dense("classifier", "output", "inner", "label"),
    ),
    mlm=(
        *dense("cls.predictions.transform.dense", "transform", "model", "inner"),
        *norm("cls.predictions.transform.LayerNorm", "norm"),
    ),
    decoder=decoder("cls.predictions.decoder", "cls.predictions.bias"),
    token_heads={
        "tagging": dense("classifier", "output", "model", "label"),
        "qa": dense("qa_outputs", "output", "model", "label"),
    },
)
