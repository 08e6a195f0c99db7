"""Translate-train: fine-tuning on the source's rows and on their translations.

A translation is a row by itself, with the label of the row that it is of.

References:
    Conneau et al., "XNLI", 2018. https://arxiv.org/abs/1809.05053
    Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080
"""

from xlnas_jax.training.methods.base import Method
from xlnas_jax.training.methods.finetune import gradients

METHOD = Method(
    "translate_train",
    "Hu et al. 2020",
    gradients,
    needs=frozenset({"source", "translations"}),
)
