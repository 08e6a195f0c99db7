"""CamemBERT: RoBERTa in French.

References:
    Martin et al., "CamemBERT: a tasty French language model", 2020.
    https://arxiv.org/abs/1911.03894
"""

from xlnas_jax.supernet.families import roberta

FAMILY = roberta.FAMILY._replace(name="camembert", classes="Camembert")
