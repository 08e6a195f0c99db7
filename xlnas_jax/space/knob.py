"""One thing that may vary."""

from dataclasses import dataclass

from xlnas_jax.types import ArchitectureError

Choice = int | float | str


@dataclass(frozen=True)
class Knob:
    """One thing that may vary, with its choices from small to large.

    Attributes:
        choices: values of the knob; architectures hold indices into them.
        sites: how many places it is chosen at: the number of layers, or 1.
        needs_layer: the choice has no effect in a layer that is skipped.
        is_ordered: the last choice is the most capable one.
    """

    name: str
    choices: tuple[Choice, ...]
    sites: int
    needs_layer: bool = False
    is_ordered: bool = True

    def __post_init__(self) -> None:
        if not self.choices:
            raise ArchitectureError(
                f"space.{self.name}: needs at least one choice; got none."
            )
        if len(set(self.choices)) != len(self.choices):
            raise ArchitectureError(
                f"space.{self.name}: choices must differ; got {list(self.choices)}."
            )
