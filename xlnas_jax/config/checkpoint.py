"""How often a search is saved."""

from dataclasses import dataclass

from xlnas_jax.config.ranges import at_least


@dataclass(frozen=True)
class CheckpointConfig:
    """How often the search state is saved, in rounds, and how many are kept."""

    every: int = 1
    keep: int = 2

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "keep")
