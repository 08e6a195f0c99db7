"""Options of the transfer method `filter`."""

from dataclasses import dataclass

from xlnas_jax.config.ranges import at_least


@dataclass(frozen=True)
class FilterConfig:
    """In which layers a row and its translation are one text.

    Attributes:
        separate: layers that both pass by themselves, at first.
        joint: layers after them that both pass side by side, every token seeing those
            of both; with none of them they never meet.
        self_teaching: weight of the divergence, on translations, from what the network
            said of them when the warm-up was over, which `warm_up_method` can make one
            by this method.
    """

    separate: int = 1
    joint: int = 1
    self_teaching: float = 0.0

    def __post_init__(self) -> None:
        at_least(self, 0, "separate", "joint", most=10_000)
        at_least(self, 0, "self_teaching")
