"""Configuration of how a search is run: scoring, devices, export, checkpoints."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.ranges import at_least, distinct, positive


@dataclass(frozen=True)
class EvaluateConfig:
    """How a population is scored.

    Attributes:
        form: `sliced` runs each candidate at its own size, one after another in
            one program; `masked` runs `chunk` candidates at a time at full size.
        batch_tokens: tokens of a batch, padding included; bounds the memory.
    """

    form: Literal["sliced", "masked"] = "sliced"
    chunk: int = 8
    batch_tokens: int = 2048
    precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        at_least(self, 1, "chunk", "batch_tokens")


@dataclass(frozen=True)
class DevicesConfig:
    """How the devices there are share the work.

    Attributes:
        pop: devices that candidates are dealt out to; 0: all that `data` leaves over.
        data: devices that the data of each candidate is divided over. Training
            batches are divided over all.
    """

    pop: int = 0
    data: int = 1

    def __post_init__(self) -> None:
        at_least(self, 0, "pop")
        at_least(self, 1, "data")


@dataclass(frozen=True)
class ExportConfig:
    """The network that is written at the end.

    Attributes:
        pick: `best` (lowest error), `knee`, `smallest`, or a point's id.
        finetune_steps: source-language steps of the chosen network alone.
    """

    pick: str = "best"
    finetune_steps: int = 0
    finetune_learning_rate: float = 2e-5

    def __post_init__(self) -> None:
        distinct(self, "pick")
        at_least(self, 0, "finetune_steps")
        positive(self, "finetune_learning_rate")


@dataclass(frozen=True)
class CheckpointConfig:
    """How often the search state is saved, in rounds, and how many are kept."""

    every: int = 1
    keep: int = 2

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "keep")
