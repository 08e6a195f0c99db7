"""Rows that cannot be used: refused with a message, or passed over and counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from xlnas_jax.types import DataError


@dataclass(frozen=True)
class LoadReport:
    """What became of the rows of one language and split.

    Attributes:
        rows: examples the files hold. kept: those that are used.
        rejected: by reason, rows passed over because they were faulty.
        notes: by kind, known quirks that were handled as documented; such a row
            may be kept or left out, as its note says.
        limited: sound rows left out because a limit was configured.
    """

    rows: int = 0
    kept: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    limited: int = 0

    def __add__(self, other: "LoadReport") -> "LoadReport":
        return LoadReport(
            self.rows + other.rows,
            self.kept + other.kept,
            dict(Counter(self.rejected) + Counter(other.rejected)),
            dict(Counter(self.notes) + Counter(other.notes)),
            self.limited + other.limited,
        )


class Faults:
    """Collects the faults of one language and split while it is read.

    Args:
        skip: pass over faulty rows and count them; otherwise the first one raises.
    """

    def __init__(self, skip: bool = False) -> None:
        self.skip = skip
        self._rejected: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()

    def reject(self, reason: str, message: str, count: int = 1) -> None:
        """Counts rows that cannot be used, or raises `DataError` with the message.

        `message` names file, row and expectation; `reason` is a few words to count
        by. Call it in place of keeping the row.
        """
        if not self.skip:
            raise DataError(f"{message} To go on without such rows: --skip-bad-rows.")
        self._rejected[reason] += count

    def note(self, kind: str, count: int = 1) -> None:
        """Counts a known quirk that was handled."""
        self._notes[kind] += count

    def report(self, rows: int, kept: int) -> LoadReport:
        """What was counted so far."""
        return LoadReport(rows, kept, dict(self._rejected), dict(self._notes))
