"""What does one GPU make of it: parity, scoring, weight steps, memory, a search?

    make gpu-check

Each part is timed in turn with matrix products of the same precision and, where it is
installed, with PyTorch on the same tensors: a loop that slices one candidate after
another, and a weight step of the full network. Both libraries may use TF32 for float32,
but for parity, which is held against PyTorch on the CPU. A search of a few rounds is
run, killed in a round, resumed, and compared with one that was not.

It is made to end within eight minutes: what is not begun when `--seconds` are over is
left out, and the result says so. What is measured is written as soon as it is there.
`--quick` is all of it at toy size, on whatever device there is.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from benchmarks.harness import ROOT, arguments, command_of, surroundings
from benchmarks.reporting import Bar, at_least, at_most, report
from benchmarks.searches import EMBEDDED, TINY
from benchmarks.speed.gpu_cases import (
    FORMS,
    SIZES,
    Plan,
    TimeUpError,
    measure_parity,
    measure_scoring,
    measure_training,
    torch_version,
)
from xlnas_jax.devices.compiles import CompileCounter

# Sums of float32 in another order, through twelve layers; the logits are near 1.
PARITY_BAR = 1e-3
PEAK_BAR, LOOP_BAR, STEP_BAR = 0.5, 10.0, 1.0
SECONDS = 420.0
# Scatters that add in any order would make two searches differ.
DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
SEARCH = (
    "train.pretune_steps=40",
    "search.weight_steps=10",
    "search.rounds=6",
    "data.per_class=60",
)
TOY_SEARCH = (
    *TINY,
    "languages={source: en, aux_train: [fr], aux_heldout: [pt], target: [es]}",
    "train.pretune_steps=2",
    "search.weight_steps=2",
    "search.rounds=3",
)
# Of the search's own; those of the warm-up come before it.
KILLED_IN_ROUND = 2


def main() -> None:
    """Measures one part after another, and writes what there is after each."""
    # PyTorch needs memory of the same device.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--search", type=Path, help="only run the search, into here")
    parser.add_argument("--kill", action="store_true", help="and die in a round of it")
    given = parser.parse_args()
    if given.search is not None:
        run_search(given.search, given.quick, given.kill)
        return
    repeats = 2 if given.quick else min(given.repeats, 3)
    plan = Plan(given.quick, repeats, time.monotonic() + given.seconds)
    result: dict[str, Any] = {
        "backend": jax.default_backend(),
        "torch": torch_version(),
        "parts": {},
        "not_measured": {},
        "bars": [],
    }
    for name in given.parts:
        begun = time.monotonic()
        with CompileCounter() as compiles:
            try:
                plan.require_time()
                found = PARTS[name](plan)
            except (TimeUpError, ImportError) as error:
                reason = str(error) or f"{given.seconds:g} seconds were over"
                result["not_measured"][name] = reason
                continue
        seconds = round(time.monotonic() - begun, 1)
        counted = {"compile": compiles.summary(), "memory": memory()}
        result["parts"][name] = {"seconds": seconds, **counted, "found": found}
        result["bars"] = bars(result["parts"], given.quick)
        if given.out is not None:
            report(given.out, __doc__, result)
    report(given.out, __doc__, result)


def memory() -> dict[str, int] | None:
    """Bytes of the device in use at most so far, and what it has, where it counts."""
    stats = jax.local_devices()[0].memory_stats()
    if not stats:
        return None
    return {k: int(stats[k]) for k in ("peak_bytes_in_use", "bytes_limit")}


def measure_search(plan: Plan) -> dict[str, Any]:
    """Whether a search that was killed ends with the bytes of one that was not."""
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        first = _search(plan, whole)
        dead = _search(plan, killed, "--kill")
        if dead != -signal.SIGKILL:
            raise RuntimeError(f"the search to be killed ended by itself: {dead}")
        again = _search(plan, killed)
        if first or again:
            raise RuntimeError(f"a search failed: exit codes {first} and {again}")
        fronts = [(run / "front.json").read_bytes() for run in (whole, killed)]
        measured = [_measured(run) for run in (whole, killed)]
    return {
        "is_same": fronts[0] == fronts[1],
        "resumed_from_round": measured[1]["resumed_from_round"],
        "seconds": [one["seconds"] for one in measured],
        "compile": [one["compile"] for one in measured],
    }


def _search(plan: Plan, directory: Path, *options: str) -> int:
    command = [*command_of("speed.gpu"), "--search", str(directory)]
    flags = f"{os.environ.get('XLA_FLAGS', '')} {DETERMINISTIC}".strip()
    done = subprocess.run(
        [*command, *(["--quick"] if plan.is_quick else []), *options],
        env=surroundings(XLA_FLAGS=flags),
        stdout=subprocess.DEVNULL,
    )
    return done.returncode


def _measured(run: Path) -> dict[str, Any]:
    return json.loads((run / "measured.json").read_text(encoding="utf-8"))


def run_search(directory: Path, is_quick: bool, is_killed: bool) -> None:
    """The embedded search, in this process; it dies in a round where it is told to."""
    from xlnas_jax.config.reading.file import load_config
    from xlnas_jax.run import rounds
    from xlnas_jax.run import run as runner
    from xlnas_jax.search.learn import num_warm_up

    settings = TOY_SEARCH if is_quick else SEARCH
    config = load_config(ROOT / EMBEDDED, settings)
    step = rounds.step
    fatal = num_warm_up(config) + KILLED_IN_ROUND

    def dying(engine: Any, state: Any) -> Any:
        if int(state.round) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(engine, state)

    if is_killed:
        rounds.step = dying
    runner.run_search(config, directory)


PARTS: dict[str, Callable[[Plan], Any]] = {
    "parity": measure_parity,
    "scoring": measure_scoring,
    "training": measure_training,
    "search": measure_search,
}


def bars(parts: dict[str, Any], is_quick: bool) -> list[Bar]:
    """What was asked for, beside what was found; of toys nothing that is timed."""
    found: list[Bar] = []
    for case in parts.get("parity", {}).get("found", []):
        for form in FORMS:
            value = case["differences"][f"{form}, fp32"]
            found.append(at_most(f"parity, {form}, {case['case']}", PARITY_BAR, value))
    if "search" in parts:
        is_same = float(parts["search"]["found"]["is_same"])
        found.append(at_least("a killed search ends the same", 1.0, is_same))
    return found if is_quick else found + _timed_bars(parts)


def _timed_bars(parts: dict[str, Any]) -> list[Bar]:
    found: list[Bar] = []
    for case in parts.get("scoring", {}).get("found", []):
        own = [row for row in case["systems"] if row["form"] in FORMS]
        share = max(row["share_of_peak_done"]["median"] for row in own)
        what = f"share of the peak, best form, {case['case']}"
        found.append(at_least(what, PEAK_BAR, share))
        times = [r["times_the_loop"]["median"] for r in own if "times_the_loop" in r]
        # Asked for where networks are small and many.
        if times and case["case"].startswith(SIZES[0][0].name):
            what = f"times the PyTorch loop, best form, {case['case']}"
            found.append(at_least(what, LOOP_BAR, max(times)))
    for case in parts.get("training", {}).get("found", []):
        for row in case["steps"]:
            if "over_torch" in row:
                what = f"full step over PyTorch's, {row['precision']}, {case['case']}"
                found.append(at_most(what, STEP_BAR, row["over_torch"]["median"]))
    return found


if __name__ == "__main__":
    main()
