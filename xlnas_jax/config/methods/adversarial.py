"""Options of the transfer methods `fgm` and `pgd`."""

from dataclasses import dataclass

from xlnas_jax.config.ranges import at_least, positive


@dataclass(frozen=True)
class AdversarialConfig:
    """How sentences are attacked by methods that learn from it; lengths are L2 norms.

    Attributes:
        epsilon: how far all embedded tokens of a sentence are moved, as one vector, in
            the units of an embedded token: LayerNorm has each of a length of about the
            root of the model's width. It is the most that `pgd` moves them by.
        step_size, steps: of `pgd`, how it gets there.
    """

    epsilon: float = 1.0
    step_size: float = 0.3
    steps: int = 3

    def __post_init__(self) -> None:
        positive(self, "epsilon", "step_size")
        at_least(self, 1, "steps", most=1024)
