"""What a terminal shows: text as it is, and tables whose numbers are whole.

Paths, labels, codes, ids and names come from files and from the user: they are text
and never markup. So every console is made here, and every table is a `Grid`.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

GAP = 2
# A longer word that has no digit may be folded where a terminal is narrow.
MAX_WORD = 12
# So much is left of a row's name, whatever stands beside it.
MIN_NAME = 8
_NUMBER = re.compile(r"[-+]?[\d.,]+( ?%)?|-|nan|inf|")
# Characters that steer a terminal, and halves of one, which no encoding can write.
_UNSHOWN = ("Cc", "Cs", "Zl", "Zp")
_IS_HUSHED: ContextVar[bool] = ContextVar("is_hushed", default=False)


def make_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A console that shows text as it is: nothing in it is markup."""
    quiet = quiet or _IS_HUSHED.get()
    return Console(stderr=stderr, quiet=quiet, markup=False, emoji=False)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Consoles that are made within it show nothing, for callers that asked for none.

    What is far below makes its own: a bar of files that are read, a line on where a
    model is from.
    """
    token = _IS_HUSHED.set(True)
    try:
        yield
    finally:
        _IS_HUSHED.reset(token)


def plain(text: str) -> str:
    """Text that any terminal shows in one line, whatever a file holds."""
    return "".join(
        c.encode("unicode_escape").decode()
        if unicodedata.category(c) in _UNSHOWN
        else c
        for c in text
    )


def say(console: Console, text: str) -> None:
    """A line; the terminal breaks it, so that paths in it can be copied."""
    console.print(Text(plain(text)), soft_wrap=True)


@dataclass(frozen=True)
class Block:
    """A title, and lines below it as they are."""

    title: str
    lines: Sequence[str] = ()

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        yield Text(plain(self.title), style="bold")
        for line in self.lines:
            yield Text(plain(line))
        yield Text("")


@dataclass(frozen=True)
class Grid:
    """A table that fits any terminal: words go on below, numbers are never cut.

    Where the columns do not fit beside each other, the table is given in parts below
    each other, each with the first column.

    Attributes:
        headings: of each column; nothing is shown above where there is none.
        rows: cells of each row; the first names the row.
        notes: lines below.
        rule: a line is drawn above this row.
    """

    title: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    notes: tuple[str, ...] = ()
    rule: int | None = None

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        yield Text(plain(self.title), style="bold")
        cells = [[plain(cell) for cell in row] for row in self.rows]
        columns = [
            [heading, *column]
            for heading, *column in zip(self.headings, *cells, strict=True)
        ]
        parts = _parts([_least(c) for c in columns], options.max_width)
        for part in parts:
            yield self._table([columns[i] for i in part], options.max_width)
            if part is not parts[-1]:
                yield Text("")
        for note in self.notes:
            yield Text(plain(note))
        yield Text("")

    def _table(self, columns: list[list[str]], width: int) -> Table:
        """Some columns, as wide as they should be."""
        table = Table(
            box=box.SIMPLE_HEAD,
            show_header=any(self.headings),
            show_edge=False,
            pad_edge=False,
            padding=(0, GAP - 1, 0, 0),
        )
        for number, (column, size) in enumerate(
            zip(columns, _widths(columns, width), strict=True)
        ):
            cells = column[1:]
            is_number = number > 0 and any(cells) and all(map(_NUMBER.fullmatch, cells))
            table.add_column(
                Text(column[0]),
                width=size,
                justify="right" if is_number else "left",
                overflow="fold",
            )
        for number, row in enumerate(list(zip(*columns, strict=True))[1:], start=1):
            table.add_row(
                *(Text(cell) for cell in row), end_section=number == self.rule
            )
        return table


def _natural(column: list[str]) -> int:
    """The width at which no cell is broken."""
    return max(1, *(cell_len(cell) for cell in column))


def _least(column: list[str]) -> int:
    """The width at which no number is cut, nor a word of usual length."""
    words = [word for cell in column for word in cell.split()]
    whole = [w for w in words if any(c.isdigit() for c in w)]
    longest = max((cell_len(word) for word in words), default=1)
    return max(min(longest, MAX_WORD), *(cell_len(w) for w in whole), 1)


def _parts(least: list[int], width: int) -> list[list[int]]:
    """Which columns stand beside each other; the first one does in every part."""
    parts = [[0]]
    used = least[0]
    for number, size in enumerate(least[1:], start=1):
        if used + GAP + size > width and len(parts[-1]) > 1:
            parts.append([0])
            used = least[0]
        parts[-1].append(number)
        used += GAP + size
    return parts


def _widths(columns: list[list[str]], width: int) -> list[int]:
    """A width for each column: what it must have, then what it would like."""
    least, natural = [_least(c) for c in columns], [_natural(c) for c in columns]
    room = width - GAP * (len(columns) - 1)
    while sum(least) > room and max(least) > 1:
        # Of the name and one more column: the name goes first, down to a few letters.
        widest = 0 if least[0] > MIN_NAME else least.index(max(least))
        least[widest] -= 1
    sizes, left = list(least), room - sum(least)
    order = sorted(range(len(columns)), key=lambda i: natural[i] - least[i])
    for position, number in enumerate(order):
        share = left // (len(order) - position)
        more = min(max(0, natural[number] - least[number]), share)
        sizes[number] += more
        left -= more
    return sizes
