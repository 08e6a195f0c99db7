"""A run is followed to its end, as it is written, and is never touched."""

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.watching.runs import FRONT, finished, held, line, stopped
from xlnas_jax.cli.main import WRONG_INPUT, run
from xlnas_jax.config.checkpoint import CheckpointConfig
from xlnas_jax.types import CheckpointError
from xlnas_jax.watching import follow
from xlnas_jax.watching.follow import watch
from xlnas_jax.watching.screen import seconds_left


def console(is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=120)


def text_of(found: Console) -> str:
    assert isinstance(found.file, io.StringIO)
    return found.file.getvalue()


@pytest.fixture
def ending(tmp_path: Path, monkeypatch) -> Iterator[Callable[[float], None]]:
    """A run, of which a round is logged while the watcher sleeps, until it ends."""
    clock = [0.0]
    monkeypatch.setattr(follow.time, "time", lambda: clock[0])
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(held(tmp_path / "run", 1))

        def sleep(seconds: float) -> None:
            clock[0] += 10
            done = opened.metrics.read()[-1]["round"] + 1
            if done < 4:
                opened.metrics.append(line(done, 0.5 - done / 10))
                return
            opened.model.mkdir()
            opened.write_front(FRONT)
            stack.close()

        yield sleep


def test_without_a_terminal_every_round_is_a_line(tmp_path: Path, ending) -> None:
    shown = console(is_terminal=False)
    watch(tmp_path / "run", shown, once=False, every=1.0, sleep=ending)
    first, *rounds, last = text_of(shown).splitlines()
    assert "running, round 1 of 4" in first
    assert [one.split(":")[0] for one in rounds] == [
        "round 2 of 4",
        "round 3 of 4",
        "round 4 of 4",
    ]
    assert "training loss 1.5" in rounds[0]
    assert "rejected unscored 3" in rounds[0]
    assert "hypervolume 0.25" in rounds[0]
    assert "left" not in rounds[0]  # one round was seen to end, no gap between two
    assert rounds[1].endswith("0:00:10 left")
    assert last.endswith("finished, 0:00:00, best auxiliary error 0.2500")


def test_on_a_terminal_it_is_shown_in_place_with_its_front(
    tmp_path: Path, ending
) -> None:
    shown = console(is_terminal=True)
    watch(tmp_path / "run", shown, once=False, every=1.0, sleep=ending)
    text = text_of(shown)
    assert "\x1b[" in text
    for expected in ("round 3 of 4", "0:00:10 left", "Front: 2 networks", "flops →"):
        assert expected in text
    assert "finished" in text.splitlines()[-1]


def test_half_a_line_is_waited_for(tmp_path: Path) -> None:
    shown, turns = console(is_terminal=False), [0]
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(held(tmp_path / "run", 1))

        def sleep(seconds: float) -> None:
            turns[0] += 1
            with (opened.path / "metrics.jsonl").open("a") as file:
                file.write({1: '{"round": 1, ', 2: '"loss": 7.25}\n'}.get(turns[0], ""))
            if turns[0] == 3:
                stack.close()

        watch(opened.path, shown, once=False, every=1.0, sleep=sleep)
    assert text_of(shown).count("training loss 7.25") == 1
    assert "stopped at round 2 of 4" in text_of(shown)


def test_an_interrupt_ends_the_watching_alone(tmp_path: Path, monkeypatch, capsys):
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow, "_by_lines", interrupt)
    with held(tmp_path / "run", 1):
        assert run(["watch", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().err == ""


def test_once_shows_a_running_search_and_ends(
    tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with held(tmp_path / "run", 3):
        assert run(["watch", str(tmp_path / "run"), "--once"]) == 0
    shown = capsys.readouterr().out
    assert "running, round 3 of 4" in shown
    assert "best error" in shown
    assert "Front: 2 networks" in shown


def test_the_time_left_of_a_run_is_known_at_once_by_its_events(
    tmp_path: Path, monkeypatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    shown = console(is_terminal=False)
    with held(tmp_path / "run") as opened:
        log = opened.log(CheckpointConfig())
        log.begin(0)
        for number in range(3):
            clock[0] += 60
            log.append(line(number))
        watch(tmp_path / "run", shown, once=True, every=1.0)
    assert "round 3 of 4, process" in text_of(shown)
    assert "0:01:00 left" in text_of(shown)


def test_a_run_that_has_ended_is_shown_as_it_ended(
    tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["watch", str(stopped(tmp_path / "a", 2))]) == 0
    assert "stopped at round 2 of 4" in capsys.readouterr().out
    assert run(["watch", str(finished(tmp_path / "b"))]) == 0
    shown = capsys.readouterr().out
    assert "finished" in shown
    assert "4e+06" in shown  # of the front that is written, not of the last round


@pytest.mark.parametrize("given", [["--once", "--every", "0"], ["--once"]])
def test_what_is_no_run_is_one_paragraph(tmp_path: Path, capsys, given) -> None:
    assert run(["watch", str(tmp_path), *given]) == WRONG_INPUT
    assert capsys.readouterr().err.count("\n") == 1


def test_a_damaged_run_says_which_file(tmp_path: Path) -> None:
    path = finished(tmp_path / "run")
    (path / "front.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"front\.json"):
        watch(path, console(is_terminal=False), once=True, every=1.0)


def test_time_left_is_by_the_median_gap_and_counts_rounds_between() -> None:
    assert seconds_left({}, 0, 10) is None
    assert seconds_left({3: 50.0}, 4, 10) is None
    # One pause of a thousand seconds changes nothing.
    times = {0: 0.0, 1: 10.0, 2: 20.0, 3: 1020.0, 4: 1030.0, 5: 1040.0}
    assert seconds_left(times, 6, 10) == 40.0
    # Two rounds were logged between one look and the next.
    assert seconds_left({1: 0.0, 3: 20.0}, 4, 10) == 60.0
    assert seconds_left({1: 0.0, 3: 20.0}, 10, 10) == 0.0
