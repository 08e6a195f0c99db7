"""What changes on a terminal is shown where it stood."""

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live


class InPlace:
    """Tables and plots below each other, shown anew over those before.

    Example:
        with InPlace(console) as place:
            place.show([Grid(...), Scatter(...)])
    """

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False)

    def __enter__(self) -> "InPlace":
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, parts: Sequence[RenderableType]) -> None:
        """All that is to be seen from now on."""
        self._live.update(Group(*parts), refresh=True)
