"""Predicted latency: a table that adds up, its margin, and what is done without one.

How the table is measured and fitted stands in `xlnas_jax.calibration.latency`. Here are
only the numbers, as whole nanoseconds: sums of them are exact in any order, so that the
same networks are within a limit wherever it is checked.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.space.space import SearchSpace

LATENCY = "latency_ms"
NS_PER_MS = 1_000_000
# Of every row, the milliseconds that its network really takes.
Measure = Callable[[Int[np.ndarray, "pop site"]], Float[np.ndarray, " pop"]]


@dataclass(frozen=True)
class LatencyTable:
    """Nanoseconds of the parts of a network; those of its kept layers add up.

    Attributes:
        fixed: of all but the layers, by the choices of the whole network.
        stages: of each stage of a layer, by its option.
    """

    fixed: tuple[int, ...]
    stages: tuple[tuple[int, ...], ...]

    def __call__(
        self, space: SearchSpace, indices: Int[np.ndarray, "pop site"]
    ) -> Int[np.ndarray, " pop"]:
        """Nanoseconds of flattened architectures."""
        kept = space.is_kept(indices)
        total = np.asarray(self.fixed, np.int64)[space.whole_of(indices)]
        for stage, own in zip(space.stages, self.stages, strict=True):
            option = space.options_of(stage, indices)
            total = total + (kept * np.asarray(own, np.int64)[option]).sum(-1)
        return total


@dataclass(frozen=True, eq=False)
class Latency:
    """What is known of the latency of a space's networks on one machine.

    Attributes:
        table: predicts it.
        margin: share by which the table may be too low; a network is within a limit
            where `predicted * (1 + margin)` is.
        measure: asked instead of the table where the table predicts too badly.
    """

    table: LatencyTable
    margin: float
    measure: Measure | None = None

    def planned(self) -> "Latency":
        """The table alone, for what looks at far more networks than can be timed."""
        return Latency(self.table, self.margin)

    def nanoseconds(
        self, space: SearchSpace, indices: Int[np.ndarray, "pop site"]
    ) -> Int[np.ndarray, " pop"]:
        """Predicted or, where the table is not trusted, measured."""
        if self.measure is None:
            return self.table(space, indices)
        found = self.measure(np.asarray(indices))
        return np.ceil(found * NS_PER_MS).astype(np.int64)

    def budget(self, limit_ms: float) -> int:
        """Nanoseconds that must not be exceeded for the limit to hold."""
        margin = self.margin if self.measure is None else 0.0
        return math.floor(limit_ms * NS_PER_MS / (1.0 + margin))
