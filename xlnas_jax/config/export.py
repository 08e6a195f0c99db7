"""The network that is written at the end."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import MAX_STEPS, at_least, distinct, positive

# In which weights are written.
Dtype = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class ExportConfig:
    """The network that is written at the end.

    Attributes:
        pick: `best` (lowest error), `knee`, `smallest`, or a point's id.
        dtype: in which weights are written: `bf16` halves them. What is read again
            computes in float32 with the rounded weights.
        finetune_steps: source-language steps of the chosen network alone.
        center: of retrieval: the means of languages, found on text without labels, are
            taken away from the vectors of texts whose language is named. Scores of the
            search are without.
        monitor: counts of what the network makes of texts of auxiliary languages and
            of text without labels are kept with it, by which `xlnas serve` tells that
            others come. Its labels are not looked at.
    """

    pick: str = "best"
    dtype: Dtype = "fp32"
    finetune_steps: int = 0
    finetune_learning_rate: float = 2e-5
    center: bool = False
    monitor: bool = True

    def __post_init__(self) -> None:
        distinct(self, "pick")
        at_least(self, 0, "finetune_steps", most=MAX_STEPS)
        positive(self, "finetune_learning_rate")
