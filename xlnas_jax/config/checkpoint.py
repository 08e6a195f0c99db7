"""How often a search is saved, and what is logged of it."""

from dataclasses import dataclass

from xlnas_jax.config.ranges import at_least


@dataclass(frozen=True)
class CheckpointConfig:
    """How often the search state is saved, in rounds, and how many are kept.

    Attributes:
        tensorboard: scalars of every round are written for TensorBoard, too.
    """

    every: int = 1
    keep: int = 2
    tensorboard: bool = True

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "keep")
