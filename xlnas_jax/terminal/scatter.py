"""Points of two numbers, drawn with characters: where a front lies, at a glance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType

from xlnas_jax.terminal.text import Block

DOT = "●"
_MOST, _LEAST = 64, 16


@dataclass(frozen=True)
class Scatter:
    """A plot: the first number of each point to the right, the second upwards.

    Axes end at the outermost points; where all agree, in the middle.

    Attributes:
        height: lines that points are drawn in.
    """

    title: str
    right: str
    up: str
    points: Sequence[tuple[float, float]]
    height: int = 10

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        yield Block(self.title, self.lines(options.max_width))

    def lines(self, width: int) -> list[str]:
        """The plot without its title, none of the lines wider than asked for."""
        if not self.points:
            return ["no point yet"]
        xs, ys = zip(*self.points, strict=True)
        labels = [f"{max(ys):.4g}", f"{min(ys):.4g}"]
        margin = max(map(len, labels))
        inner = max(_LEAST, min(_MOST, width - margin - 2))
        rows = [[" "] * inner for _ in range(self.height)]
        for x, y in self.points:
            row = self.height - 1 - _place(y, min(ys), max(ys), self.height)
            rows[row][_place(x, min(xs), max(xs), inner)] = DOT
        top, *middle, bottom = ["".join(row).rstrip() for row in rows]
        empty = " " * margin
        lines = [f"{labels[0]:>{margin}} │{top}"]
        lines += [f"{empty} │{row}" for row in middle]
        lines += [f"{labels[1]:>{margin}} │{bottom}"]
        low, high = f"{min(xs):.4g}", f"{max(xs):.4g}"
        between = f"{self.right} →".center(max(0, inner - len(low) - len(high)))
        lines += [f"{empty} └{'─' * inner}", f"{empty}  {low}{between}{high}"]
        return [f"{self.up} ↑", *lines]


def _place(value: float, low: float, high: float, count: int) -> int:
    """Which of so many cells a value falls into."""
    if high <= low:
        return count // 2
    return min(count - 1, int((value - low) / (high - low) * count))
