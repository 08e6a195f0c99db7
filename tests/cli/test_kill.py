"""A search that is killed, at any moment, ends as if it had not been."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tests.experiments import tiny_config
from xlnas_jax.config_file import dump_config

TIMEOUT_S = 240


def command(config: pathlib.Path, run_dir: pathlib.Path) -> list[str]:
    arguments = ["search", str(config), "--run-dir", str(run_dir)]
    return [sys.executable, "-m", "xlnas_jax.cli", *arguments]


def environment(tmp_path: pathlib.Path) -> dict[str, str]:
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled")}
    return {**os.environ, **cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


def finish(config: pathlib.Path, run_dir: pathlib.Path, env: dict[str, str]) -> None:
    done = subprocess.run(
        command(config, run_dir), env=env, capture_output=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr.decode()


def rounds_logged(run_dir: pathlib.Path) -> int:
    path = run_dir / "metrics.jsonl"
    return path.read_text().count("\n") if path.is_file() else 0


def kill_when(reached, config, run_dir, env) -> None:
    """Starts a search and kills it with SIGKILL as soon as `reached()` holds."""
    process = subprocess.Popen(
        command(config, run_dir),
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + TIMEOUT_S
    while not reached() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A finished run, its configuration, and a warm compilation cache."""
    folder = tmp_path_factory.mktemp("unbroken")
    config = folder / "config.yaml"
    config.write_text(dump_config(tiny_config()))
    env = environment(folder)
    finish(config, folder / "run", env)
    return config, (folder / "run" / "front.json").read_bytes(), env


def test_the_same_search_twice_gives_the_same_bytes(unbroken, tmp_path):
    config, expected, env = unbroken
    finish(config, tmp_path / "run", env)
    assert (tmp_path / "run" / "front.json").read_bytes() == expected


def test_killed_at_several_points_and_resumed_gives_the_same_bytes(unbroken, tmp_path):
    config, expected, env = unbroken
    run_dir = tmp_path / "run"
    saved = run_dir / "checkpoints"
    moments = [
        # before anything is saved; while the first state is being saved; in the
        # middle of the search; and after its last round, in the final scoring.
        lambda: (run_dir / "config.yaml").is_file(),
        lambda: saved.is_dir() and any(saved.iterdir()),
        lambda: rounds_logged(run_dir) >= 3,
        lambda: rounds_logged(run_dir) >= 6,
    ]
    for reached in moments:
        kill_when(reached, config, run_dir, env)
        assert not (run_dir / "front.json").is_file()
    finish(config, run_dir, env)
    assert (run_dir / "front.json").read_bytes() == expected
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["round"] for line in lines] == list(range(6))


def test_a_damaged_newest_checkpoint_falls_back_and_says_so(unbroken, tmp_path):
    config, expected, env = unbroken
    run_dir = tmp_path / "run"
    kill_when(lambda: rounds_logged(run_dir) >= 4, config, run_dir, env)
    newest = max(
        (p for p in (run_dir / "checkpoints").iterdir() if p.name.isdigit()),
        key=lambda p: int(p.name),
    )
    files = [p for p in newest.rglob("*") if p.is_file()]
    largest = max(files, key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    done = subprocess.run(
        command(config, run_dir), env=env, capture_output=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0
    warning = done.stderr.decode()
    assert "damaged" in warning and "Continuing from step" in warning
    assert (run_dir / "front.json").read_bytes() == expected
