"""Long work is shown while it lasts, with the time left, and leaves nothing behind."""

import io

import pytest
from rich.console import Console

from xlnas_jax.terminal.progress import Progress
from xlnas_jax.terminal.report import Reporter


def console(is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=100)


def text_of(found: Console) -> str:
    assert isinstance(found.file, io.StringIO)
    return found.file.getvalue()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_without_a_terminal_what_takes_long_has_lines_with_the_time_left(clock) -> None:
    found = console(is_terminal=False)
    with Reporter(found, line_seconds=15.0) as report:
        for done in range(5):
            report("scoring", done, 4)
            clock[0] += 20
    assert text_of(found).splitlines() == [
        "scoring 1/4, 0:01:00 left",
        "scoring 2/4, 0:00:40 left",
        "scoring 3/4, 0:00:20 left",
        "scoring 4/4, done in 0:01:20",
    ]


def test_what_is_short_says_nothing(clock) -> None:
    found = console(is_terminal=False)
    with Reporter(found, line_seconds=15.0) as report:
        for what in ("reading", "scoring"):
            for done in range(5):
                report(what, done, 4)
                clock[0] += 2
    assert text_of(found) == ""


def test_each_kind_of_work_is_timed_from_its_own_beginning(clock) -> None:
    found = console(is_terminal=False)
    with Reporter(found, line_seconds=15.0) as report:
        report("reading", 0, 2)
        clock[0] += 1000
        report("scoring", 0, 2)  # what was read is not said to be whole
        clock[0] += 30
        report("scoring", 1, 2)
    assert text_of(found) == "scoring 1/2, 0:00:30 left\n"


def test_on_a_terminal_a_bar_comes_and_goes() -> None:
    found = console(is_terminal=True)
    with Reporter(found) as report:
        report("reading", 0, 2)
        report("reading", 1, 2)
        report("reading", 2, 2)
        report("scoring", 0, 2)  # interrupted
    shown = text_of(found)
    assert "reading" in shown and "2/2" in shown
    assert "scoring" in shown
    # Each line that was written is erased at the end.
    assert shown.count("\x1b[2K") >= 2


def test_a_round_shows_how_far_its_own_parts_are(clock) -> None:
    found = console(is_terminal=False)
    with Progress("finalists", total=9, start=5, console=found) as progress:
        progress.inner("its steps", 0, 100)
        clock[0] += 50
        progress.inner("its steps", 25, 100)
        clock[0] += 50
        progress.inner("its steps", 100, 100)
        progress.inner("its steps", 0, 100)  # of the next one, timed anew
        clock[0] += 30
        progress.inner("its steps", 10, 100)
    assert text_of(found).splitlines() == [
        "its steps 25/100, 0:02:30 left",
        "its steps 100/100, done in 0:01:40",
        "its steps 10/100, 0:04:30 left",
    ]


def test_on_a_terminal_both_bars_are_there_and_the_inner_one_goes() -> None:
    found = console(is_terminal=True)
    with Progress("finalists", total=9, console=found) as progress:
        progress.inner("its steps", 3, 8)
        progress.update(1)
        progress.inner("its steps", 8, 8)
    shown = text_of(found)
    assert "its steps" in shown and "finalists" in shown
    assert "its steps" not in shown.splitlines()[-1]
