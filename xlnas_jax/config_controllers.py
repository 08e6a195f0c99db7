"""Configuration of search strategies: one dataclass for each controller."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.ranges import at_least, positive


@dataclass(frozen=True)
class ReinforceController:
    """REINFORCE on factorised logits, leave-one-out baseline."""

    kind: Literal["reinforce"] = "reinforce"
    learning_rate: float = 0.05
    entropy: float = 0.02
    final_entropy: float = 0.0
    cost_weight: float = 0.5

    def __post_init__(self) -> None:
        positive(self, "learning_rate")
        at_least(self, 0, "entropy", "final_entropy", "cost_weight")


@dataclass(frozen=True)
class RandomController:
    """Uniform sampling: the control every strategy is held against."""

    kind: Literal["random"] = "random"


AnyController = ReinforceController | RandomController
