"""Progress on the terminal: a bar, or plain lines where there is no terminal."""

import time
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Tasks
from rich.table import Column, Table
from rich.text import Text

from xlnas_jax.terminal.text import make_console, plain, say

# Without a terminal: a line each time this much has passed, and a last one.
LINE_SECONDS = 15.0
# What stands before the values, beside the description: a short bar, counts and time.
BAR_WIDTH = 32


class _Bar(Tasks):
    """A bar, and values behind it, or below it where a terminal is narrow."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar with all that fits into one line, then the rest."""
        for task in self.tasks:
            bar, values = self.make_tasks_table([task]), Text(task.fields["values"])
            if len(task.description) + BAR_WIDTH + len(values) > self.console.width:
                yield from (bar, values)
            else:
                line = Table.grid(padding=(0, 1))
                line.add_row(bar, values)
                yield line


class Progress:
    """What a long command is doing, how far it is, and when it will be done.

    Everything goes to stderr, so that stdout holds results alone.

    Args:
        description: the phase, in a word or two.
        start: rounds that were done before, as when a run is resumed.
        line_seconds: time between lines where there is no terminal.

    Example:
        with Progress("search", total=20) as progress:
            progress.update(1, best_error=0.25)
    """

    def __init__(
        self,
        description: str,
        total: int,
        start: int = 0,
        console: Console | None = None,
        line_seconds: float = LINE_SECONDS,
    ) -> None:
        self._console = make_console(stderr=True) if console is None else console
        self._description = plain(description)
        self._total = total
        self._start = start
        self._line_seconds = line_seconds
        self._begun = self._last_line = time.monotonic()
        self._bar = _Bar(
            TextColumn(
                "{task.description}", markup=False, table_column=Column(overflow="fold")
            ),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            redirect_stdout=False,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(
            self._description, total=total, completed=start, values=""
        )

    def __enter__(self) -> "Progress":
        self._begun = self._last_line = time.monotonic()
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
        """Say what is being done from now on, where that takes a while."""
        self._description = plain(description)
        self._bar.update(self._task, description=self._description)
        if not self._console.is_terminal:
            say(self._console, description)

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        say(self._console, text)

    def update(self, done: int, **values: float | int | None) -> None:
        """Show the number of rounds done, and values worth watching.

        Args:
            done: counted from the beginning of the run, not from its resumption.
            values: shown by name; None where there is nothing to show yet.
        """
        text = _format(values)
        self._bar.update(self._task, completed=done, values=text)
        if self._console.is_terminal:
            return
        now = time.monotonic()
        if now - self._last_line >= self._line_seconds or done >= self._total:
            self._last_line = now
            left = self._remaining(done, now)
            line = f"{self._description} {done}/{self._total}, {left}  {text}"
            say(self._console, line.rstrip())

    def _remaining(self, done: int, now: float) -> str:
        elapsed = now - self._begun
        if done >= self._total:
            return f"done in {duration(elapsed)}"
        if done <= self._start:
            return "time left unknown"
        left = elapsed / (done - self._start) * (self._total - done)
        return f"{duration(left)} left"


def _format(values: dict[str, float | int | None]) -> str:
    return "  ".join(
        f"{name.replace('_', ' ')} {'-' if value is None else format(value, '.4g')}"
        for name, value in values.items()
    )


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
