"""Does a search that is killed at any instant end with the bytes of one that is not?

    python tools/kills.py configs/quickstart.yaml --kills 50

An unbroken run comes first. Then runs are killed, by SIGKILL, SIGINT or SIGTERM to
the whole process group, at instants drawn from its duration, some times each, and
resumed until they are finished. Of each, everything that is deterministic is held
against the unbroken run: the front, every logged round, the model's files, the last
saved state.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from environment import environment

from xlnas_jax.checkpoint import load_tree
from xlnas_jax.files import write_json

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
# A run is resumed as often before it is left to end.
KILLS_PER_RUN = 5
TIMEOUT_S = 3600.0


class Kill(NamedTuple):
    """When a process was ended, by what, and how far it had come."""

    run: int
    signal: str
    seconds: float
    rounds: int
    was_finished: bool


def main() -> int:
    """Prints a line a kill, and whether every run ended alike."""
    given = _arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(given.seed)
    seconds = timed(given, given.folder / "unbroken")
    expected = contents(given.folder / "unbroken")
    print(f"unbroken: {seconds:.1f} s, {len(expected)} things to compare", flush=True)
    kills: list[Kill] = []
    different: list[str] = []
    for number, count in enumerate(shares(given.kills)):
        run_dir = given.folder / f"run{number}"
        for _ in range(count):
            kills.append(killed(given, run_dir, number, seconds, chance))
            print("run {}: {} after {:.2f} s, {} rounds".format(*kills[-1]), flush=True)
        timed(given, run_dir)
        wrong = differences(expected, contents(run_dir))
        different += [f"run{number}: {name}" for name in wrong]
        print(f"run {number}: {', '.join(wrong) or 'the same bytes'}", flush=True)
    if given.out is not None:
        write_json(given.out, summary(given, seconds, kills, different))
    print(f"{len(kills)} kills; differing: {', '.join(different) or 'nothing'}")
    return 1 if different else 0


def shares(kills: int) -> list[int]:
    """How many kills each run gets."""
    full, rest = divmod(kills, KILLS_PER_RUN)
    return [KILLS_PER_RUN] * full + [rest] * (rest > 0)


def moment(seconds: float, chance: random.Random) -> float:
    """An instant of a run that would take so many seconds, from before its start on."""
    return chance.uniform(0.0, seconds)


def killed(
    given: argparse.Namespace,
    run_dir: Path,
    number: int,
    seconds: float,
    chance: random.Random,
) -> Kill:
    """Starts or resumes a run, and ends it at some instant."""
    after, kind = moment(seconds, chance), chance.choice(SIGNALS)
    process = _start(given, run_dir)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, kind)
        process.wait(TIMEOUT_S)
    is_finished = (run_dir / "front.json").exists()
    return Kill(number, kind.name, round(after, 3), _rounds(run_dir), is_finished)


def timed(given: argparse.Namespace, run_dir: Path) -> float:
    """Seconds until a run is finished; what it says is shown if it fails."""
    started = time.monotonic()
    process = _start(given, run_dir)
    said, _ = process.communicate(timeout=TIMEOUT_S)
    if process.returncode:
        raise SystemExit(f"{run_dir}: exit code {process.returncode}: {said.decode()}")
    return time.monotonic() - started


def contents(run_dir: Path) -> dict[str, bytes]:
    """Everything of a finished run that is the same each time, by name."""
    lines = (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    found = {
        "front.json": (run_dir / "front.json").read_bytes(),
        **{f"round {n}": line.encode() for n, line in enumerate(lines)},
    }
    for folder in ("model", "experiment"):
        for path in sorted((run_dir / folder).rglob("*")):
            if path.is_file():
                found[str(path.relative_to(run_dir))] = path.read_bytes()
    saved = run_dir / "checkpoints"
    last = max(
        (p for p in saved.iterdir() if p.name.isdigit()), key=lambda p: int(p.name)
    )
    leaves: list[tuple[str, Any]] = [("", load_tree(last))]
    while leaves:
        name, value = leaves.pop()
        if isinstance(value, dict):
            leaves += [(f"{name}/{key}", inner) for key, inner in value.items()]
        else:
            found[f"state {last.name}{name}"] = value.tobytes()
    return found


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Names of what is not the same in both."""
    return sorted(k for k in one.keys() | other.keys() if one.get(k) != other.get(k))


def summary(
    given: argparse.Namespace,
    seconds: float,
    kills: Sequence[Kill],
    different: Sequence[str],
) -> dict[str, Any]:
    """What was done and found, as JSON has it."""
    return {
        "question": "killed at any instant, does a search end with the same bytes?",
        "config": given.config.name,
        "options": given.set,
        "seed": given.seed,
        "unbroken_seconds": round(seconds, 3),
        "kills": [one._asdict() for one in kills],
        "different": list(different),
        "environment": environment(),
    }


def _rounds(run_dir: Path) -> int:
    """Whole lines that were logged."""
    path = run_dir / "metrics.jsonl"
    return path.read_text(encoding="utf-8").count("\n") if path.exists() else 0


def _start(given: argparse.Namespace, run_dir: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "xlnas_jax.cli", "search", str(given.config)]
    command += [
        "--run-dir",
        str(run_dir),
        *(["--set", *given.set] if given.set else []),
    ]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="for the runs")
    parser.add_argument("--out", type=Path, help="JSON of what was done and found")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
