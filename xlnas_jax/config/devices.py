"""How the devices there are share the work."""

from dataclasses import dataclass

from xlnas_jax.config.ranges import MANY, at_least


@dataclass(frozen=True)
class DevicesConfig:
    """How the devices there are share the work.

    Attributes:
        pop: devices that candidates are dealt out to; 0: all that `data` leaves over.
        data: devices that the data of each candidate is divided over. Training
            batches are divided over all.
        fsdp: weights and optimizer state are cut into one part for each device, and
            weights put together where they are used: less memory, more messages.
    """

    pop: int = 0
    data: int = 1
    fsdp: bool = False

    def __post_init__(self) -> None:
        at_least(self, 0, "pop", most=MANY)
        at_least(self, 1, "data", most=MANY)
