"""Options of the transfer method `maml`."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import at_least


@dataclass(frozen=True)
class MamlConfig:
    """How `maml` looks through a step on one half of a language's rows.

    Attributes:
        order: by `first`, the step is taken as given, which costs half as much.
        inner_rate: of that step, of plain descent.
    """

    order: Literal["first", "second"] = "second"
    inner_rate: float = 1e-4

    def __post_init__(self) -> None:
        at_least(self, 0, "inner_rate")
