"""Options of the transfer method `mixup`."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import MAX_STEPS, at_least, distinct, fraction, positive
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class MixupConfig:
    """How a row and its translation are mixed, and what is learnt of it.

    Defaults are those of the released scripts for classification.

    Attributes:
        layers: numbers of the layers, from 0, in which the translation sees the row.
        largest_share: of what it sees there, in what goes on.
        share_weight: of the entropy of where tokens look, before training: above 0 the
            share rises with it, below 0 it falls, as bad translations ask for.
        share_learning_rate: of that weight, and of a bias, for every one of `layers`.
        renorm: what is mixed passes the attention's norm a second time.
        entropy: `true`, or `released`: it grows with padding.
        source_weight: of the loss on the row; the rest is that on its translation.
        consistency: weight of the divergence of the two predictions, and of the mean
            square between the two vectors.
        vector: which ones: of the first token, or the mean over all.
        gold_steps: `k` of the chance `k / (k + exp(step / k))` that the row itself is
            seen, and not what the translation is in its language again, where
            `translations.back` gives that.
    """

    layers: tuple[int, ...] = (0,)
    largest_share: float = 0.5
    share_weight: float = 1.0
    share_learning_rate: float = 1e-3
    renorm: bool = True
    entropy: Literal["true", "released"] = "true"
    source_weight: float = 0.4
    consistency: float = 1.0
    vector: Literal["cls", "mean"] = "cls"
    gold_steps: float = 1000.0

    def __post_init__(self) -> None:
        distinct(self, "layers")
        at_least(self, 0, "layers", most=10_000)
        at_least(self, -100, "share_weight", most=100)
        at_least(self, 0, "consistency", "share_learning_rate")
        fraction(self, "largest_share", "source_weight")
        positive(self, "gold_steps", most=MAX_STEPS)
        if list(self.layers) != sorted(self.layers):
            raise ConfigError(
                f"layers: must rise, as texts pass them; got {list(self.layers)}."
            )
