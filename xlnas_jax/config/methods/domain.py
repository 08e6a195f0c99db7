"""Options of the transfer method `adversarial`."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import at_least, positive
from xlnas_jax.config.tokens import MAX_TOKENS


@dataclass(frozen=True)
class DomainConfig:
    """How `adversarial` makes the vectors of languages alike.

    Attributes:
        weight: of the discriminator's loss, which the network learns to raise; with 0
            it is plain fine-tuning.
        schedule: the weight is `rising` from 0 by `2 / (1 + exp(-10 p)) - 1`, `p` being
            the share of the training that is done, or `constant`.
        hidden: neurons of the discriminator's one hidden layer.
        learning_rate: of the discriminator.
        steps: that it takes on the rows of every weight step.
    """

    weight: float = 1.0
    schedule: Literal["rising", "constant"] = "rising"
    hidden: int = 128
    learning_rate: float = 1e-3
    steps: int = 1

    def __post_init__(self) -> None:
        at_least(self, 0, "weight", most=1000)
        at_least(self, 1, "hidden", most=MAX_TOKENS)
        at_least(self, 1, "steps", most=1024)
        positive(self, "learning_rate")
