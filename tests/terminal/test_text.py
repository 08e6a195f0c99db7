"""Text is shown as it is, and numbers are whole on a terminal of any width."""

import ast
import io
import re
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given
from rich.cells import cell_len
from rich.console import Console

from tests.fuzz.contract import generated
from xlnas_jax.terminal.progress import Progress
from xlnas_jax.terminal.report import Reporter
from xlnas_jax.terminal.text import Grid, hushed, make_console, plain, say

PACKAGE = Path(__file__).parents[2] / "xlnas_jax"
WIDTHS = (40, 60, 80, 100, 120)
MARKUP = ("r[/b]", "r[red]x", "[link=a]", ":smile:", r"\[x]", "[/]")


def shown(grid: Grid, width: int = 80) -> str:
    """What a user's console prints, whatever it takes for markup."""
    console = Console(file=io.StringIO(), width=width, markup=True, emoji=True)
    console.print(grid)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def assert_whole(text: str, cells: list[str], width: int) -> None:
    """No line is too long, and every number stands somewhere in one piece."""
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= width
    words = set(re.split(r"\s+", text))
    numbers = [w for cell in cells for w in cell.split() if re.search(r"\d", w)]
    assert [number for number in numbers if number not in words] == []


@pytest.mark.parametrize("name", MARKUP)
def test_what_looks_like_markup_is_shown_in_every_place(name: str) -> None:
    grid = Grid(name, (name, name), [(name, name)], (name,))
    assert shown(grid).count(name) == 6


@pytest.mark.parametrize("name", MARKUP)
def test_what_looks_like_markup_is_printed(name: str, capsys) -> None:
    say(make_console(), name)
    make_console().print(name)
    assert capsys.readouterr().out == f"{name}\n{name}\n"


@pytest.mark.parametrize("width", [30, *WIDTHS])
def test_columns_that_do_not_fit_go_below_with_the_name(width: int) -> None:
    numbers = [f"{n:,}.5" for n in (12, 345_678, 9_012_345, 67, 8_901_234_567)]
    headings = ("network", "encoder M", "MFLOPs", "aux worst error", "source", "all")
    name = "x-a-private-code-of-some-length (auxiliary)"
    text = shown(Grid("Scores", headings, [(name, *numbers)] * 20), width)
    assert_whole(text, numbers, width)
    for heading in ["encoder", "M", "MFLOPs", "aux", "worst", "error", "source", "all"]:
        assert heading in text
    assert text.count("network") == sum("network" in x for x in text.splitlines()) > 0


@generated(quick=60, long=1500)
@given(
    st.integers(30, 130),
    st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=9),
    st.text(st.characters(categories=("L", "P", "Zs", "Cc", "Cs")), max_size=90),
)
def test_numbers_are_whole_at_any_width(width: int, values: list[int], name: str):
    row = [f"{value:,}" for value in values]
    headings = ("language", *(f"metric {n}" for n in range(len(row))))
    text = shown(Grid(name, headings, [(name, *row)], rule=1), width)
    assert_whole(text, row, width)
    text.encode()


def test_what_steers_a_terminal_is_spelled_out() -> None:
    assert plain("a\x1b[2Jb\r\n\x00 \ud800 ש‌א é") == (r"a\x1b[2Jb\r\n\x00 \ud800 ש‌א é")


def test_consoles_and_tables_are_made_in_one_place() -> None:
    made = {
        path.relative_to(PACKAGE).as_posix(): calls_of_rich(path)
        for path in PACKAGE.rglob("*.py")
    }
    place = "terminal/text.py"
    assert {name for name, calls in made.items() if "Table" in calls} == {place}
    made.pop(place)
    # The bar's parts, which take no text of a user but by `plain`.
    bar = {"BarColumn", "MofNCompleteColumn", "TextColumn", "TimeRemainingColumn"}
    assert made.pop("terminal/progress.py") <= bar | {"Column", "Text"}
    assert made.pop("terminal/in_place.py") == {"Group", "Live"}
    assert {name: calls for name, calls in made.items() if calls} == {}


def calls_of_rich(file: Path) -> set[str]:
    """What a file takes from `rich` and calls."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    taken = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich")
        for alias in node.names
    }
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    return {node.id for node in called if isinstance(node, ast.Name)} & taken


def test_what_speaks_within_a_hush_is_not_heard_and_afterwards_it_is(capsys) -> None:
    with hushed():
        with Progress("search", 2) as progress, Reporter() as report:
            progress.phase("compiling")
            report("reading", 1, 2)
            progress.update(2)
        say(make_console(), "a line")
    assert capsys.readouterr() == ("", "")
    with pytest.raises(ValueError), hushed():
        raise ValueError
    say(make_console(stderr=True), "a line")
    assert capsys.readouterr().err == "a line\n"
