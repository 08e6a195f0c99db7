"""DistilBERT: half of BERT's layers, distilled; texts of a pair are not told apart.

Positions that were computed rather than learnt (`sinusoidal_pos_embds`) are stored as a
table all the same.

References:
    Sanh et al., "DistilBERT, a distilled version of BERT", 2019.
    https://arxiv.org/abs/1910.01108
"""

from xlnas_jax.space.shape import Spec
from xlnas_jax.supernet.families import bert
from xlnas_jax.supernet.families.layout import Rule, dense, norm, table

_E = "{encoder}embeddings"
_L = "{encoder}transformer.layer.{layer}"

LAYER: tuple[Rule, ...] = (
    *dense(f"{_L}.attention.q_lin", "layers.query", "model", "head head_dim"),
    *dense(f"{_L}.attention.k_lin", "layers.key", "model", "head head_dim"),
    *dense(f"{_L}.attention.v_lin", "layers.value", "model", "head head_dim"),
    *dense(f"{_L}.attention.out_lin", "layers.output", "head head_dim", "model"),
    *norm(f"{_L}.sa_layer_norm", "layers.attention_norm"),
    *dense(f"{_L}.ffn.lin1", "layers.up", "model", "neuron"),
    *dense(f"{_L}.ffn.lin2", "layers.down", "neuron", "model"),
    *norm(f"{_L}.output_layer_norm", "layers.ffn_norm"),
)

FAMILY = bert.FAMILY._replace(
    name="distilbert",
    classes="DistilBert",
    spec=Spec(has_segments=False, head="relu"),
    fixed={"activation": "gelu"},
    # What is named otherwise; what has no name is not configured.
    keys={
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "type_vocab_size": "",
        "layer_norm_eps": "",
    },
    prefix="distilbert.",
    embeddings=(
        table(f"{_E}.word_embeddings", "embeddings.word", "vocab"),
        table(f"{_E}.position_embeddings", "embeddings.position", "position"),
        *norm(f"{_E}.LayerNorm", "embeddings.norm"),
    ),
    layer=LAYER,
    pooler=None,
    head=(
        *dense("pre_classifier", "hidden", "model", "inner"),
        *dense("classifier", "output", "inner", "label"),
    ),
    mlm=(
        *dense("vocab_transform", "transform", "model", "inner"),
        *norm("vocab_layer_norm", "norm"),
    ),
    decoder=bert.decoder("vocab_projector", "vocab_projector.bias"),
)
