"""What a run logs of every round: a line of JSON, and scalars for TensorBoard."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xlnas_jax.storage.events import EventsFile
from xlnas_jax.storage.metrics import MetricsFile


@dataclass(frozen=True)
class RoundLog:
    """Both logs of a run; the line of JSON is written first.

    Attributes:
        events: None where nothing is written for TensorBoard.
    """

    metrics: MetricsFile
    events: EventsFile | None

    def begin(self, round: int) -> None:
        """Drop this round and later ones, and what a kill left half written."""
        self.metrics.truncate(round)
        if self.events is not None and self.events.is_writer:
            self.events.begin(round, self.metrics.read())

    def append(self, record: Mapping[str, Any]) -> None:
        """Log a round; it is on the disk when this returns."""
        self.metrics.append(record)
        if self.events is not None:
            self.events.append(record)
