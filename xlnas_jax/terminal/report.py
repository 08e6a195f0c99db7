"""How far long work is, told by what does it to whoever shows it."""

from collections.abc import Callable
from types import TracebackType

from rich.console import Console

from xlnas_jax.terminal.progress import LINE_SECONDS, Progress

Report = Callable[[str, int, int], None]
"""`(what, done, total)`: of the parts of some work, how many are done."""


def unheard(what: str, done: int, total: int) -> None:
    """A report that nobody listens to."""


class Reporter:
    """Shows what is reported: one kind of work after another, each with its own bar.

    Nothing of it stays: a bar goes when its work is done, and where there is no
    terminal, what takes less than the time between lines has none.

    Example:
        with Reporter() as report:
            for number, text in enumerate(texts, start=1):
                read(text)
                report("reading", number, len(texts))
    """

    def __init__(
        self, console: Console | None = None, line_seconds: float = LINE_SECONDS
    ) -> None:
        self._console = console
        self._line_seconds = line_seconds
        self._shown: Progress | None = None
        self._now: tuple[str, int] = ("", 0)

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Some work is so far."""
        if (what, total) != self._now:
            self._close()
        if self._shown is None and done < total:
            given = what, total, done, self._console, self._line_seconds
            self._shown = Progress(*given, is_brief=True).__enter__()
            self._now = what, total
        if self._shown is not None:
            self._shown.update(done)
        if done >= total:
            self._close()

    def _close(self) -> None:
        if self._shown is not None:
            self._shown.__exit__(None, None, None)
        self._shown, self._now = None, ("", 0)
