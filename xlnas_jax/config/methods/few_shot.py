"""What the picked network learns from a few labelled rows of the targets."""

from dataclasses import dataclass

from xlnas_jax.config.ranges import MANY, MAX_STEPS, at_least, positive
from xlnas_jax.config.tokens import MAX_TOKENS


@dataclass(frozen=True)
class FewShotConfig:
    """Training of the picked network on a few labelled rows of every target.

    It comes after the choice and after zero-shot scores were taken; every result says
    that it was done. With 0 rows it is not, and no target's row trains anything.

    Attributes:
        rows: labelled rows of each target, from its train split; classes in their
            share of it. Every target must have as many.
        steps: weight steps on them, by `finetune`.
        learning_rate: of all that is trained, the head too; it goes by
            `train.schedule`.
        batch_size: rows of a step; as many as `train.batch_size` if None.
        top_layers: so many of the network's last layers are trained, and its head; 0:
            the head alone; absent: all that `train` trains.
        seed: which rows are drawn. It is no part of the search's seed: networks and
            methods that are compared learn from the same rows.
    """

    rows: int = 0
    steps: int = 30
    learning_rate: float = 1e-4
    batch_size: int | None = None
    top_layers: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(self, 0, "rows", most=MANY)
        at_least(self, 1, "steps", most=MAX_STEPS)
        at_least(self, 1, "batch_size", most=MAX_TOKENS)
        at_least(self, 0, "top_layers", most=1024)
        at_least(self, 0, "seed")
        positive(self, "learning_rate")
