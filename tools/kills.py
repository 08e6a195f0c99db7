"""Does a search that is killed at any instant end with the bytes of one that is not?

    python tools/kills.py configs/quickstart_scratch.yaml --kills 50 --folder FOLDER

Two unbroken runs come first: one that compiles, and one that says how long each phase
takes. Then others are killed, by SIGKILL, SIGINT or SIGTERM to the whole process group,
in every phase alike and at a random instant of it, some times each, and resumed until
they are finished. A kill that came too late, after the search had ended, is none: it is
drawn again.

Everything that is deterministic is held against the unbroken run: the front, the log,
the files of model and experiment, the arrays of the last state, and what lies there at
all. After each kill every logged round must be there once, in order, and no saved state
may be ahead of the log. The configuration must pin what a clock would decide.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TextIO

ROOT = Path(__file__).resolve().parent.parent
# What is compared and what is killed is the package beside this file.
sys.path.insert(0, str(ROOT))

from benchmarks.environment import environment  # noqa: E402
from xlnas_jax.files import write_json  # noqa: E402
from xlnas_jax.storage.rundir import CHECKPOINTS, EXPERIMENT, FRONT, METRICS, MODEL  # noqa: E402
from xlnas_jax.storage.steps import steps_in  # noqa: E402
from xlnas_jax.storage.trees import read_leaves  # noqa: E402

# In their order, and how what a search says at the beginning of each begins.
PHASES = ("start", "warm-up", "search", "finish", "export")
# What comes when the front is written: nothing is lost any more.
END = "end"
ORDER = (*PHASES, END)
SAID = {"warm-up": "warm-up", "search": "search", "scoring": "finish"}
LAST = ", done in "
# Every attempt goes through these from their beginning to their end.
WHOLE = ("start", "finish", "export")
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
# How a search ends that was killed, by Python's own handlers or by ours.
ENDS = (-signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM, 130, 143)
POLL_SECONDS = 0.005
# Of unbroken runs: what one attempt may take before it counts as hanging.
PATIENCE = 5
LEAST_PATIENCE_SECONDS = 600.0


class Kill(NamedTuple):
    """When and how: a share of a phase's length after it was entered."""

    phase: str
    share: float
    signal: signal.Signals


class Attempt(NamedTuple):
    """One start of a search.

    Attributes:
        lengths: seconds of every phase that it came to the end of.
        phase: the last one.
        said: on stderr.
    """

    code: int
    seconds: float
    phase: str
    lengths: dict[str, float]
    said: str


def plan(kills: int, random: Random) -> list[Kill]:
    """As many in every phase, and by every signal, in a random order."""
    combined = [
        Kill(PHASES[i % len(PHASES)], random.random(), SIGNALS[i % len(SIGNALS)])
        for i in range(kills)
    ]
    random.shuffle(combined)
    return combined


def in_order(kills: Iterable[Kill], random: Random) -> list[Kill]:
    """Kills of one run: a later one in a later phase, starts in between."""
    last = len(PHASES)

    def place(kill: Kill) -> float:
        return PHASES.index(kill.phase) or random.uniform(0, last)

    return sorted(kills, key=place)


def phase_of(line: str, before: str) -> str:
    """The phase after a line on stderr."""
    if LAST in line:
        return max(before, "export", key=ORDER.index)
    found = next((p for begin, p in SAID.items() if line.startswith(begin)), before)
    return max(before, found, key=ORDER.index)


def attempt(
    command: Sequence[str], run: Path, kill: Kill | None, lengths: dict[str, float]
) -> Attempt:
    """Start a search and wait for its end, or kill it and all that it started."""
    log = run.with_suffix(".log")
    with log.open("w") as err, log.open(errors="replace") as said:
        begun = time.monotonic()
        process = subprocess.Popen(
            command, **_apart(), stderr=err, stdout=subprocess.DEVNULL
        )
        try:
            entered = _follow(process, run, said, kill, lengths)
            code = process.wait(_patience(lengths))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    seconds = time.monotonic() - begun
    moments = [*entered.values(), *([seconds] if code == 0 else [])]
    pairs = zip(entered, moments, moments[1:], strict=False)
    gone = {name: end - start for name, start, end in pairs}
    return Attempt(code, seconds, [*entered][-1], gone, log.read_text(errors="replace"))


def _follow(
    process: subprocess.Popen[bytes],
    run: Path,
    said: TextIO,
    kill: Kill | None,
    lengths: dict[str, float],
) -> dict[str, float]:
    """When each phase was entered; returns as soon as it has killed, or at the end."""
    begun, rest, due = time.monotonic(), "", None
    phase, entered = PHASES[0], {PHASES[0]: 0.0}
    while process.poll() is None:
        now = time.monotonic() - begun
        *lines, rest = (rest + said.read()).split("\n")
        for line in lines:
            phase = phase_of(line, phase)
        phase = END if (run / FRONT).exists() else phase
        entered.setdefault(phase, now)
        if kill and due is None and ORDER.index(phase) >= ORDER.index(kill.phase):
            due = now + kill.share * lengths.get(phase, 0.0)
        if kill and due is not None and now >= due:
            os.killpg(process.pid, kill.signal)
            break
        if now > _patience(lengths):
            raise SystemExit(f"{run}: still going after {now:.0f} s")
        time.sleep(POLL_SECONDS)
    return entered


def _patience(lengths: dict[str, float]) -> float:
    return max(LEAST_PATIENCE_SECONDS, PATIENCE * sum(lengths.values()))


def digests(run: Path) -> dict[str, str]:
    """SHA-256 of everything in a finished run that must be the same, by its name."""
    files = [run / FRONT, run / METRICS]
    for folder in (MODEL, EXPERIMENT):
        files += sorted(p for p in (run / folder).rglob("*") if p.is_file())
    found = {str(p.relative_to(run)): sha256(p.read_bytes()).hexdigest() for p in files}
    folder = run / CHECKPOINTS
    for name, leaf in read_leaves(folder / str(steps_in(folder)[-1])).items():
        content = f"{leaf.dtype} {leaf.shape} ".encode() + leaf.tobytes()
        found[f"{CHECKPOINTS}: {name}"] = sha256(content).hexdigest()
    names = [*os.listdir(run), *(f"{CHECKPOINTS}/{n}" for n in os.listdir(folder))]
    return found | {f"{name} is there": "" for name in names}


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Names of what differs, lacks or is in excess."""
    names = sorted(expected.keys() | found.keys())
    return [name for name in names if expected.get(name) != found.get(name)]


def faults(run: Path) -> list[str]:
    """What is wrong in a run that was killed."""
    path, folder = run / METRICS, run / CHECKPOINTS
    rounds = logged(path)
    found = []
    if rounds != [*range(len(rounds))]:
        found.append(f"{path.name} has the rounds {rounds}")
    steps = steps_in(folder) if folder.is_dir() else []
    if steps and steps[-1] > len(rounds):
        found.append(f"state {steps[-1]} is saved, {len(rounds)} rounds are logged")
    return found


def logged(path: Path) -> list[int]:
    """Rounds of a log, of whole lines alone."""
    if not path.exists():
        return []
    lines = path.read_text(errors="replace").splitlines(True)
    return [json.loads(line)["round"] for line in lines if line.endswith("\n")]


def break_run(
    command: Sequence[str],
    run: Path,
    kills: Sequence[Kill],
    lengths: dict[str, float],
) -> Iterator[dict[str, Any]]:
    """Kill a search as often as told, and finish it; what became of each kill."""
    for kill in (*kills, None):
        done = attempt(command, run, kill, lengths)
        lengths.update({p: s for p, s in done.lengths.items() if p in WHOLE})
        if done.code == 0:
            return
        if kill is None or done.code not in ENDS:
            raise SystemExit(f"{run}: ended with {done.code}: {done.said[-2000:]}")
        yield {
            "signal": kill.signal.name,
            "seconds": round(done.seconds, 2),
            "phase": done.phase,
            "rounds": len(logged(run / METRICS)),
            "code": done.code,
            "traceback": _traceback(done.said),
            "faults": faults(run),
        }


def break_all(
    given: argparse.Namespace,
    room: Path,
    expected: dict[str, str],
    lengths: dict[str, float],
) -> list[dict[str, Any]]:
    """As many kills as asked for, over as many runs as that takes."""
    random = Random(given.seed)
    left, runs, count = plan(given.kills, random), [], 0
    while left:
        if len(runs) >= 2 * given.kills:
            raise SystemExit(f"{len(left)} kills never met a search that was going on")
        batch, left = in_order(left[: given.per_run], random), left[given.per_run :]
        run, records = room / f"run{len(runs) + 1}", []
        for record in break_run(_command(given, run), run, batch, lengths):
            records.append(record)
            count += 1
            _say(_line(count, given.kills, len(runs) + 1, record))
        # Those that the search was too quick for come later, at another instant.
        missed = batch[len(records) :]
        left += [kill._replace(share=random.random()) for kill in missed]
        differs = differences(expected, digests(run))
        runs.append({"differs": differs, "kills": records})
        _say(f"run {len(runs)}: {', '.join(differs[:9]) or 'the same bytes'}")
        if not differs and not given.keep:
            shutil.rmtree(run)
    return runs


def main() -> int:
    """Kills, compares, says what it found; 0 where all is as unbroken."""
    # A shell that starts this in the background has it, and its children, ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    given = _parse()
    room = given.folder
    room.mkdir(parents=True, exist_ok=True)
    if any(room.iterdir()):
        raise SystemExit(
            f"{room}: must be new or empty; runs are kept and deleted in it"
        )
    first, expected = _unbroken(given, room / "unbroken")
    # The first one compiled; the second is as quick as those that are to be killed.
    second, again = _unbroken(given, room / "again")
    if differs := differences(expected, again):
        raise SystemExit(f"two unbroken runs differ: {', '.join(differs[:9])}")
    # What a search without a warm-up has none of is as long as nothing.
    lengths = {phase: second.lengths.get(phase, 0.0) for phase in PHASES}
    runs = break_all(given, room, expected, lengths)
    result = _result([first, second], expected, runs)
    if given.out:
        _write(given.out, given.config.stem, result)
    _say(f"{result['kills']} kills in {len(runs)} runs: {_verdict(result)}")
    return int(not result["is_same"])


def _unbroken(given: argparse.Namespace, run: Path) -> tuple[Attempt, dict[str, str]]:
    done = attempt(_command(given, run), run, None, {})
    if done.code:
        raise SystemExit(done.said)
    _say(f"{run.name}: {done.seconds:.1f} s, {_short(done.lengths)}")
    return done, digests(run)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument(
        "--set", nargs="*", action="extend", default=[], metavar="OPTION=VALUE"
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--per-run", type=int, default=5, help="kills a run, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="for the runs")
    parser.add_argument("--keep", action="store_true", help="delete no run")
    parser.add_argument("--out", type=Path, help="JSON; other configurations' stay")
    return parser.parse_args()


def _result(
    unbroken: Sequence[Attempt], expected: dict[str, str], runs: list[dict[str, Any]]
) -> dict[str, Any]:
    kills = [kill for run in runs for kill in run["kills"]]
    is_same = not any(run["differs"] for run in runs)
    return {
        "command": shlex.join(["python", "tools/kills.py", *sys.argv[1:]]),
        "environment": environment(),
        "unbroken_seconds": [round(one.seconds, 2) for one in unbroken],
        "compared": len(expected),
        "kills": len(kills),
        "by_signal": dict(Counter(kill["signal"] for kill in kills)),
        "by_phase": dict(Counter(kill["phase"] for kill in kills)),
        "tracebacks": sum(bool(kill["traceback"]) for kill in kills),
        "is_same": is_same and not any(kill["faults"] for kill in kills),
        "runs": runs,
    }


def _write(out: Path, name: str, result: dict[str, Any]) -> None:
    """One entry a configuration."""
    there = json.loads(out.read_text())["searches"] if out.exists() else {}
    question = (__doc__ or "").splitlines()[0]
    searches = {**there, name: result}
    write_json(out, {"question": question, "searches": searches})


def _command(given: argparse.Namespace, run: Path) -> list[str]:
    search = [sys.executable, "-m", "xlnas_jax.cli", "search", str(given.config)]
    options = [part for one in given.set for part in ("--set", one)]
    return [*search, "--run-dir", str(run), *options]


def _apart() -> dict[str, Any]:
    """A group of its own, so that the kill meets all of it and nothing else."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return {"start_new_session": True, "stdin": subprocess.DEVNULL, "env": environ}


def _traceback(said: str) -> str:
    """The end of what no user should see; "" where there was none."""
    _, found, rest = said.partition("Traceback")
    return (found + rest)[-1000:]


def _line(count: int, kills: int, run: int, record: dict[str, Any]) -> str:
    wrong = "; ".join(record["faults"])
    return (
        f"{count:3}/{kills}  run {run:2}  {record['signal']:7}  "
        f"{record['seconds']:7.2f} s  {record['phase']:7}  "
        f"round {record['rounds']:3}  code {record['code']:3}  {wrong}"
    ).rstrip()


def _verdict(result: dict[str, Any]) -> str:
    if not result["is_same"]:
        return "something differs"
    return f"all {result['compared']} things compared are the same"


def _short(lengths: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in lengths.items())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
