"""Progress on the terminal: a bar with an ETA, or plain lines where there is none."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress as Bar,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# A log file wants a line now and then, not one per round of a long search.
SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Shows how far a search is, on standard error alone.

    Example:
        with Progress("search", total=20, start=3) as progress:
            progress.update(4, loss=0.3, best_error=0.2)
    """

    def __init__(self, name: str, total: int, start: int = 0) -> None:
        self._name, self._total = name, total
        self._console = Console(stderr=True)
        self._is_live = self._console.is_terminal
        self._last_line = -SECONDS_BETWEEN_LINES
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[values]}"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._is_live,
        )
        self._task = self._bar.add_task(name, total=total, completed=start, values="")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def phase(self, description: str) -> None:
        """Says what is being done, where that takes a while."""
        self._bar.update(self._task, description=f"{self._name}: {description}")
        if not self._is_live:
            self._console.print(f"{self._name}: {description}", highlight=False)

    def update(self, completed: int, **values: float | None) -> None:
        """Moves to a number of rounds done and shows the latest values."""
        shown = "  ".join(
            f"{name.replace('_', ' ')} {value:.3f}"
            for name, value in values.items()
            if value is not None
        )
        self._bar.update(self._task, completed=completed, values=shown)
        now = time.monotonic()
        is_due = now - self._last_line >= SECONDS_BETWEEN_LINES
        if not self._is_live and (is_due or completed == self._total):
            self._last_line = now
            line = f"{self._name}: {completed}/{self._total}  {shown}"
            self._console.print(line, highlight=False)
