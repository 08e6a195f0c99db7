"""XLM-R: RoBERTa in a hundred languages.

References:
    Conneau et al., "Unsupervised cross-lingual representation learning at scale", 2020.
    https://arxiv.org/abs/1911.02116
"""

from xlnas_jax.supernet.families import roberta

FAMILY = roberta.FAMILY._replace(name="xlm-roberta", classes="XLMRoberta")
