"""RoBERTa: the layers of BERT, positions counted from the padding.

References:
    Liu et al., "RoBERTa", 2019. https://arxiv.org/abs/1907.11692
"""

from xlnas_jax.space.shape import FROM_PADDING, Spec
from xlnas_jax.supernet.families import bert
from xlnas_jax.supernet.families.layout import dense, norm

FAMILY = bert.FAMILY._replace(
    name="roberta",
    classes="Roberta",
    spec=Spec(positions=FROM_PADDING),
    prefix="roberta.",
    pad_id=1,
    pooler=None,
    head=(
        *dense("classifier.dense", "hidden", "model", "inner"),
        *dense("classifier.out_proj", "output", "inner", "label"),
    ),
    mlm=(
        *dense("lm_head.dense", "transform", "model", "inner"),
        *norm("lm_head.layer_norm", "norm"),
    ),
    decoder=bert.decoder("lm_head.decoder", "lm_head.bias"),
)
