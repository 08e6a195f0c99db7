"""Kills are drawn evenly, count only if they met a search, and all is compared."""

import json
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tools import kills
from tools.kills import Kill, attempt, break_run, differences, digests, faults
from xlnas_jax.results.conclude import PARTS
from xlnas_jax.storage.steps import Checkpoints

# Says that it searches, then waits to be killed.
SEARCHING = "import sys, time; print('search', file=sys.stderr, flush=True)"
WAITING = [sys.executable, "-c", f"{SEARCHING}; time.sleep(60)"]


def test_every_phase_and_signal_gets_as_many_kills() -> None:
    drawn = kills.plan(30, random.Random(0))
    assert {*Counter(kill.phase for kill in drawn).values()} == {6}
    assert {*Counter(kill.signal for kill in drawn).values()} == {10}
    assert len({(kill.phase, kill.signal) for kill in drawn}) == 15
    assert all(0.0 <= kill.share < 1.0 for kill in drawn)
    assert drawn == kills.plan(30, random.Random(0)) != kills.plan(30, random.Random(1))


def test_a_run_is_killed_ever_later_and_while_starting_at_any_time() -> None:
    drawn = kills.plan(25, random.Random(0))
    ordered = kills.in_order(drawn, random.Random(0))
    phases = [kill.phase for kill in ordered]
    later = [phase for phase in phases if phase != "start"]
    assert later == sorted(later, key=kills.PHASES.index)
    assert phases[:5] != ["start"] * 5
    assert Counter(ordered) == Counter(drawn)


def test_phases_are_known_by_what_a_search_says() -> None:
    lines = ["a warning", "warm-up, compiling", "warm-up 3/8, 0:00:27 left"]
    lines += [
        "search, compiling",
        "search",
        *PARTS.values(),
        f"{list(PARTS.values())[-1]} 8/8, done in 0:01:00",
    ]
    lines += ["search"]  # what came is not left again
    found, phase = [], "start"
    for line in lines:
        phase = kills.phase_of(line, phase)
        found.append(phase)
    expected = ["start", "warm-up", "warm-up", "search", "search"]
    assert found == [*expected, *["finish"] * len(PARTS), "export", "export"]


def test_a_search_is_killed_in_its_phase(tmp_path: Path) -> None:
    kill = Kill("search", 0.5, signal.SIGKILL)
    found = attempt(WAITING, tmp_path / "run", kill, {"search": 0.1})
    assert (found.code, found.phase) == (-signal.SIGKILL, "search")
    assert 0.05 <= found.seconds < 50


def test_a_traceback_is_kept(tmp_path: Path) -> None:
    script = f"{SEARCHING}; print('Traceback: x', file=sys.stderr); time.sleep(60)"
    command = [sys.executable, "-c", script]
    kill = Kill("search", 0.5, signal.SIGTERM)
    found = next(break_run(command, tmp_path / "run", [kill], {"search": 1.0}))
    assert found["traceback"].startswith("Traceback: x")
    assert (found["signal"], found["code"], found["faults"]) == ("SIGTERM", -15, [])


def test_a_kill_that_came_too_late_is_none(tmp_path: Path) -> None:
    late = Kill("export", 0.5, signal.SIGKILL)
    assert [*break_run(["true"], tmp_path / "run", [late, late], {})] == []


def test_a_search_that_ends_otherwise_is_no_kill(tmp_path: Path) -> None:
    wrong = [sys.executable, "-c", "raise SystemExit('no such thing')"]
    with pytest.raises(SystemExit, match="ended with 1: no such thing"):
        [*break_run(wrong, tmp_path / "run", [], {})]


def log(run: Path, *rounds: int, torn: str = "") -> None:
    run.mkdir(exist_ok=True)
    lines = [json.dumps({"round": number}) + "\n" for number in rounds]
    (run / "metrics.jsonl").write_text("".join(lines) + torn)


def test_a_lost_round_and_a_state_ahead_of_the_log_are_faults(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert faults(run) == []
    log(run, 0, 1, torn='{"rou')
    (run / "checkpoints" / "2").mkdir(parents=True)
    assert faults(run) == []
    log(run, 0)
    assert faults(run) == ["state 2 is saved, 1 rounds are logged"]
    log(run, 0, 2)
    assert faults(run) == ["metrics.jsonl has the rounds [0, 2]"]
    log(run, 0, 1, 1)
    assert "has the rounds [0, 1, 1]" in faults(run)[0]


def test_everything_that_is_the_same_each_time_is_compared(tmp_path: Path) -> None:
    def finish(name: str) -> Path:
        run = tmp_path / name
        log(run, 0, 1)
        (run / "front.json").write_text("{}")
        (run / "measured.json").write_text(name)
        for folder in ("model", "experiment"):
            (run / folder).mkdir()
            (run / folder / "file").write_text("x")
        with Checkpoints(run / "checkpoints", keep=1) as saved:
            saved.save(2, {"weights": np.arange(3, dtype=np.float32)})
        return run

    expected, run = digests(finish("one")), finish("other")
    assert differences(expected, digests(run)) == []
    (run / "model" / "file").write_text("y")
    (run / "model" / "more").write_text("y")
    (run / ".model-1").mkdir()
    log(run, 0)
    assert differences(expected, digests(run)) == [
        ".model-1 is there",
        "metrics.jsonl",
        "model/file",
        "model/more",
    ]
    with Checkpoints(run / "checkpoints", keep=1) as saved:
        saved.save(3, {"weights": np.arange(3, dtype=np.float16)})
    assert "checkpoints: weights" in differences(expected, digests(run))
