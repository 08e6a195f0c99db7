"""XLM-R XL and XXL: XLM-R with its norms before each half of a layer, and one behind.

Embedded tokens have no norm of their own.

References:
    Goyal et al., "Larger-scale transformers for multilingual masked language modeling",
    2021. https://arxiv.org/abs/2105.00572
"""

from xlnas_jax.space.shape import BEFORE, FROM_PADDING, Spec
from xlnas_jax.supernet.families import bert, roberta
from xlnas_jax.supernet.families.layout import Rule, norm

_L = "{encoder}encoder.layer.{layer}"
# Of BERT, where they stand behind the halves, under other names.
_NORMS = ("layers.attention_norm", "layers.ffn_norm")

LAYER: tuple[Rule, ...] = (
    *(rule for rule in bert.LAYER if not rule.target.startswith(_NORMS)),
    *norm(f"{_L}.attention.self_attn_layer_norm", "layers.attention_norm"),
    *norm(f"{_L}.LayerNorm", "layers.ffn_norm"),
)

FAMILY = roberta.FAMILY._replace(
    name="xlm-roberta-xl",
    classes="XLMRobertaXL",
    spec=Spec(
        norm_place=BEFORE,
        has_embedding_norm=False,
        has_final_norm=True,
        positions=FROM_PADDING,
    ),
    embeddings=tuple(
        rule
        for rule in bert.EMBEDDINGS
        if not rule.target.startswith("embeddings.norm")
    ),
    layer=LAYER,
    final=norm("{encoder}encoder.LayerNorm", "final_norm"),
    epsilon=1e-5,
)
