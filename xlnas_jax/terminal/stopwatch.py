"""How long each part of something takes."""

import itertools
import time


class Stopwatch:
    """Seconds of parts that follow each other.

    Example:
        watch = Stopwatch()
        watch.begin("front")
        watch.begin("report")
        watch.parts()  # {"front": 1.2, "report": 0.4}
    """

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._begun: list[tuple[str, float]] = []

    def begin(self, part: str) -> None:
        """Another part begins, and the one before is over."""
        self._begun.append((part, time.perf_counter()))

    def parts(self) -> dict[str, float]:
        """Of each, until the next began, or until now."""
        found: dict[str, float] = {}
        last = [("", time.perf_counter())]
        for (part, at), (_, end) in itertools.pairwise([*self._begun, *last]):
            found[part] = round(found.get(part, 0.0) + end - at, 3)
        return found

    def total(self) -> float:
        """Since it was made."""
        return round(time.perf_counter() - self._started, 3)
