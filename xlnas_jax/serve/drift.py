"""How far the texts that come are from those of a model's run, without any label."""

import math
import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence

from xlnas_jax.export.monitored import Reference, stability_index

# The last so many texts are held against the reference; of fewer than the least
# nothing is said.
WINDOW, LEAST = 10_000, 100
Observed = Mapping[str, Sequence[str]]


class Drift:
    """Counts of the last texts of one model, beside its reference.

    Texts are noted in one thread and read in another.
    """

    def __init__(self, reference: Reference, window: int = WINDOW) -> None:
        self.quantities = tuple(reference.counts)
        self._reference = reference
        self._window = window
        self._lock = threading.Lock()
        self._last: deque[Observed] = deque()
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in self.quantities
        }

    def note(self, observed: Sequence[Observed]) -> None:
        """Takes texts in, and lets go of the oldest."""
        with self._lock:
            for one in observed:
                self._last.append(one)
                self._add(one, 1)
            while len(self._last) > self._window:
                self._add(self._last.popleft(), -1)

    def _add(self, one: Observed, sign: int) -> None:
        for name in self.quantities:
            for chosen in one.get(name, ()):
                self._counts[name][chosen] += sign

    @property
    def texts(self) -> int:
        """How many are looked at."""
        return len(self._last)

    def index(self, quantity: str) -> float:
        """Population stability index of a quantity; NaN of too few texts."""
        with self._lock:
            if len(self._last) < LEAST:
                return math.nan
            seen = +self._counts[quantity]
        return stability_index(self._reference.counts[quantity], seen)
