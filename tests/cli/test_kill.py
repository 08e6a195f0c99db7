"""A search that is killed, at any moment, ends as if it had not been."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from xlnas_jax.storage.rundir import Run

TIMEOUT_S = 240


def command(config: pathlib.Path, run_dir: pathlib.Path) -> list[str]:
    arguments = ["search", str(config), "--run-dir", str(run_dir)]
    return [sys.executable, "-m", "xlnas_jax.cli", *arguments]


def finish(config: pathlib.Path, run_dir: pathlib.Path) -> str:
    """Runs a search to its end and returns what it said on stderr."""
    done = subprocess.run(
        command(config, run_dir), capture_output=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stderr.decode()


def rounds_logged(run_dir: pathlib.Path) -> int:
    path = run_dir / "metrics.jsonl"
    return path.read_text().count("\n") if path.is_file() else 0


def kill_when(reached, config, run_dir) -> None:
    """Starts a search and kills it with SIGKILL as soon as `reached()` holds."""
    process = subprocess.Popen(
        command(config, run_dir),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + TIMEOUT_S
    while not reached() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.fixture
def unbroken(searched):
    """The configuration of a run that nothing broke, and what it found."""
    return searched / "config.yaml", (searched / "run" / "front.json").read_bytes()


@pytest.mark.slow
def test_the_same_search_twice_gives_the_same_bytes(unbroken, tmp_path):
    config, expected = unbroken
    finish(config, tmp_path / "run")
    assert (tmp_path / "run" / "front.json").read_bytes() == expected


@pytest.mark.parametrize(
    "is_begun", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_killed_at_several_points_and_resumed_gives_the_same_bytes(
    unbroken, tmp_path, is_begun
):
    config, expected = unbroken
    run_dir = tmp_path / "run"
    saved = run_dir / "checkpoints"

    def reached() -> bool:
        # While the first state is being saved, or after the last round, in the final
        # scoring; `tools/kills.py` kills at any instant, fifty times.
        if is_begun:
            return saved.is_dir() and any(saved.iterdir())
        return rounds_logged(run_dir) >= 6

    kill_when(reached, config, run_dir)
    assert not (run_dir / "front.json").is_file()
    finish(config, run_dir)
    assert (run_dir / "front.json").read_bytes() == expected
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["round"] for line in lines] == list(range(6))
    assert sorted(Run(run_dir).events.times()) == list(range(6))


@pytest.mark.slow
def test_a_damaged_newest_checkpoint_falls_back_and_says_so(unbroken, tmp_path):
    config, expected = unbroken
    run_dir = tmp_path / "run"
    kill_when(lambda: rounds_logged(run_dir) >= 4, config, run_dir)
    newest = max(
        (p for p in (run_dir / "checkpoints").iterdir() if p.name.isdigit()),
        key=lambda p: int(p.name),
    )
    files = [p for p in newest.rglob("*") if p.is_file()]
    largest = max(files, key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    warning = finish(config, run_dir)
    assert "damaged" in warning and "Continuing from step" in warning
    assert (run_dir / "front.json").read_bytes() == expected
