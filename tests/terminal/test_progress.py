"""Progress is shown on stderr, as a bar or as lines, and never on stdout."""

import io

import pytest
from rich.console import Console

from xlnas_jax.terminal.progress import Progress


@pytest.fixture
def lines() -> Console:
    """A console that is no terminal, as in a log file."""
    return Console(file=io.StringIO(), force_terminal=False, width=40)


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_there_is_a_line_per_interval(lines: Console) -> None:
    with Progress("search", total=3, console=lines, line_seconds=0.0) as progress:
        progress.update(1, loss=1.23456, best_error=None)
        progress.update(2, loss=0.5, best_error=0.25)
        progress.update(3, loss=0.5, best_error=0.25)
    assert text_of(lines).splitlines() == [
        "search 1/3, 0:00:00 left  loss 1.235  best error -",
        "search 2/3, 0:00:00 left  loss 0.5  best error 0.25",
        "search 3/3, done in 0:00:00  loss 0.5  best error 0.25",
    ]


def test_between_intervals_only_the_last_round_is_a_line(lines: Console) -> None:
    with Progress("search", total=30, console=lines, line_seconds=1e9) as progress:
        for done in range(1, 31):
            progress.update(done)
    assert text_of(lines).splitlines() == ["search 30/30, done in 0:00:00"]


def test_the_time_left_counts_only_rounds_of_this_process(
    lines: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Progress("search", 30, start=10, console=lines, line_seconds=1.0) as progress:
        now[0] += 360 * 5
        progress.update(15)
    assert text_of(lines) == "search 15/30, 1:30:00 left\n"


def test_on_a_terminal_there_is_a_bar_with_values(terminal: Console) -> None:
    with Progress("search", total=4, start=1, console=terminal) as progress:
        progress.update(2, best_error=0.25)
    shown = text_of(terminal)
    assert "2/4" in shown
    assert "best error 0.25" in shown


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_every_number_is_whole_on_a_narrow_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    with Progress("search, compiling", total=2000, console=console) as progress:
        progress.update(1234, train_loss=0.12345, best_worst_error=0.54321)
    shown = text_of(console)
    for whole in ("1234/2000", "train loss 0.1235", "0.5432"):
        assert whole in shown
    assert "…" not in shown


def test_values_are_shown_as_they_are(lines: Console, terminal: Console) -> None:
    for console in (lines, terminal):
        with Progress("[x] y", 1, console=console, line_seconds=0.0) as progress:
            progress.update(1)
    assert "[x] y" in text_of(lines)
    assert "[x] y" in text_of(terminal)


def test_stdout_stays_clean(capfd: pytest.CaptureFixture[str]) -> None:
    with Progress("search", total=1) as progress:
        progress.update(1, best_error=0.5)
        print("a result")
    captured = capfd.readouterr()
    assert captured.out == "a result\n"
    assert "best error 0.5" in captured.err


def test_the_bar_is_taken_away_when_the_run_fails(terminal: Console) -> None:
    with (
        pytest.raises(KeyError),
        Progress("search", total=2, console=terminal) as progress,
    ):
        progress.update(1)
        raise KeyError
    assert text_of(terminal).endswith("\x1b[?25h")  # the cursor is shown again


def test_a_new_phase_is_told_at_once(lines: Console, terminal: Console) -> None:
    for console in (lines, terminal):
        with Progress("search", 9, console=console, line_seconds=1e9) as progress:
            progress.phase("warm-up")
    assert text_of(lines) == "warm-up\n"
    assert "warm-up" in text_of(terminal)
