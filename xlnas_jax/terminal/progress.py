"""Progress on the terminal: a bar, or plain lines where there is no terminal."""

import time
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
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
        is_brief: nothing stays: the bar goes at the end, and what takes less than
            `line_seconds` has no line.

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
        is_brief: bool = False,
    ) -> None:
        self._console = make_console(stderr=True) if console is None else console
        self._description = plain(description)
        self._total = total
        self._start = start
        self._line_seconds = line_seconds
        self._is_brief = is_brief
        self._inner: tuple[TaskID, _Lines] | None = None
        self._lines = _Lines(total, start, line_seconds)
        self._bar = _Bar(
            TextColumn(
                "{task.description}", markup=False, table_column=Column(overflow="fold")
            ),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            redirect_stdout=False,
            transient=is_brief,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(
            self._description, total=total, completed=start, values=""
        )

    def __enter__(self) -> "Progress":
        self._lines = _Lines(self._total, self._start, self._line_seconds)
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
        is_last = done >= self._total and not self._is_brief
        left = self._lines.due(done, is_last)
        if left:
            line = f"{self._description} {done}/{self._total}, {left}  {text}"
            say(self._console, line.rstrip())

    def inner(self, what: str, done: int, total: int) -> None:
        """How far one of the rounds is, in parts of its own; a `Report`.

        It has a bar below the other, or lines, until all of its parts are done.
        """
        if self._inner is None:
            task = self._bar.add_task(
                plain(what), total=total, completed=done, values=""
            )
            self._inner = task, _Lines(total, done, self._line_seconds)
        task, lines = self._inner
        self._bar.update(task, description=plain(what), completed=done, total=total)
        left = lines.due(done, is_last=False)
        if left and not self._console.is_terminal:
            say(self._console, f"{what} {done}/{total}, {left}")
        if done >= total:
            self._bar.remove_task(task)
            self._inner = None


class _Lines:
    """When a line is due, where there is no terminal, and the time left by then."""

    def __init__(self, total: int, start: int, seconds: float) -> None:
        self._total, self._start, self._seconds = total, start, seconds
        self._begun = self._last = time.monotonic()

    def due(self, done: int, is_last: bool) -> str:
        """The time left, in words; "" while no line is due."""
        now = time.monotonic()
        if now - self._last < self._seconds and not is_last:
            return ""
        self._last = now
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
