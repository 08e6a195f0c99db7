"""How many candidates a second do we score, and how many do others?

Ours in every form, a plain PyTorch slicing loop, DyNAS-T and whittle, each in a
process of its own, take turns on the same weights, candidates and sentences:

    benchmarks/peers/install.sh dynast
    benchmarks/peers/install.sh whittle
    python -m benchmarks.speed.throughput --out benchmarks/results/throughput.json

Nothing is timed before the logits of every candidate are found equal. A peer that
is not installed is left out, and the result says so.
"""

import functools
import math
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))

from cases import SETTINGS, TINY, Made, sib200, synthetic
from client import Worker
from equal_flops import sub_networks

from benchmarks.harness import ROOT, arguments, interleaved, ratios, summary, write
from xlnas_jax.types import ConfigError

SIB200_FOLDER = ROOT.parent / "shared" / "data" / "sib200"
TOKENS = ((16, 16), (64, 64))
SIB200_CANDIDATES = 4
# Candidates that the compilation is spread over.
AMORTISED = (32, 256, 1024)
# A turn is at least this long, so that a pause of the machine cannot decide it.
TURN_SECONDS = 0.3
# A case that takes a peer longer than this is not tried before it is timed.
LONG_SECONDS = 3.0
# Sums of float32 in another order, through twelve layers; the logits are near 1.
LOGIT_TOLERANCE = 1e-4


@dataclass(frozen=True)
class System:
    """One row of the tables.

    Attributes:
        peer: whose environment it runs in; our own if empty.
        is_ours: it is this library.
        compares: what of its outputs must equal the others'.
    """

    name: str
    script: str
    options: dict[str, Any]
    peer: str = ""
    is_ours: bool = False
    compares: tuple[str, ...] = ("logits", "accuracy")


def ours(name: str, form: str, chunk: int = 8, shares: bool = True) -> System:
    """This library in one form."""
    options = {"form": form, "chunk": chunk, "shares": shares}
    compares = ("logits", "accuracy") if shares else ("accuracy",)
    return System(name, "ours.py", options, is_ours=True, compares=compares)


# Named in the bars: the forms that a search can use.
FORMS = (ours("ours, sliced", "sliced"), ours("ours, masked", "masked"))
UNSHARED = ours("ours, sliced, nothing shared", "sliced", shares=False)
TORCH = System("PyTorch loop", "torch_loop.py", {"batch_sizes": [16, 32]})
DYNAST = System("DyNAS-T", "dynast_bert.py", {}, peer="dynast")
WHITTLE = System("whittle", "whittle_gpt.py", {}, peer="whittle", compares=())
SYSTEMS = (*FORMS, UNSHARED, TORCH, DYNAST, WHITTLE)
OWN = {system.name for system in SYSTEMS if system.is_ours}
# At least this many times as fast as each peer: on equal tensors, on real sentences.
BARS = {
    TORCH.name: {"equal": 1.9, "real": 3.0},
    DYNAST.name: {"equal": 1.9, "real": 6.0},
    WHITTLE.name: {"equal": 1.9},
}


class UnequalError(RuntimeError):
    """Systems that were given the same do not compute the same."""


def require_equal(case: str, found: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    """The largest differences to the first system, or an error that names them.

    Whatever a system gives of logits and accuracies is compared.
    """
    (first, reference), *others = found.items()
    differences = {}
    for name, outputs in others:
        if not np.allclose(outputs["accuracy"], reference["accuracy"], atol=1e-6):
            raise UnequalError(
                f"{case}: accuracies must be the same; got another of {name} than "
                f"of {first}: {outputs['accuracy']} and {reference['accuracy']}."
            )
        if "logits" not in outputs:
            continue
        difference = np.abs(outputs["logits"] - reference["logits"]).max(axis=(1, 2))
        worst = int(difference.argmax())
        if not difference[worst] <= LOGIT_TOLERANCE:
            raise UnequalError(
                f"{case}: logits of every candidate must be equal to "
                f"{LOGIT_TOLERANCE}; got {difference[worst]:.2e} between {first} and "
                f"{name}, candidate {worst}. One of them computes another network."
            )
        differences[name] = float(difference[worst])
    return differences


def measure(made: Made, workers: dict[str, Worker], folder: Path, repeats: int) -> Any:
    """One case: every system checked, then timed in turn with the others."""
    names = [n for n in workers if n != WHITTLE.name or not made.case.is_ragged]
    loaded = _load(made, {name: workers[name] for name in names}, folder)
    passes = _passes({name: workers[name] for name in names}, loaded)
    cpu: dict[str, list[float]] = {name: [] for name in names}

    def turn(name: str) -> None:
        answer = workers[name].ask("run", passes=passes[name])
        cpu[name].append(answer["cpu_seconds"] / passes[name])

    turns = {name: functools.partial(turn, name) for name in names}
    taken = interleaved(turns, repeats, warm_up=0)
    seconds = {n: [s / passes[n] for s in taken[n]] for n in names}
    return _report(made, seconds, cpu, loaded)


def _passes(workers: dict[str, Worker], loaded: dict[str, Any]) -> dict[str, int]:
    """How often each scores the candidates in one turn."""
    first = {name: loaded[name]["first_seconds"] for name in workers}
    peers = [seconds for name, seconds in first.items() if name not in OWN]
    if min(peers, default=0.0) > LONG_SECONDS:
        return dict.fromkeys(workers, 1)
    seconds = {name: w.ask("run", passes=1)["seconds"] for name, w in workers.items()}
    return {name: math.ceil(TURN_SECONDS / seconds[name]) for name in workers}


def _load(made: Made, workers: dict[str, Worker], folder: Path) -> dict[str, Any]:
    """Gives the case to each, and compares what comes back."""
    files = made.save(folder)
    loaded: dict[str, Any] = {}
    outputs = {}
    for system in (s for s in SYSTEMS if s.name in workers):
        options = system.options
        if system == WHITTLE:
            chosen, flops_ratios = sub_networks(made.case, made.flops)
            options = {"sub_networks": chosen}
        file = folder / "outputs.npz"
        answer = workers[system.name].ask(
            "load", **files, options=options, outputs=str(file)
        )
        if system == WHITTLE:
            answer["flops_ratio"] = float(np.mean(flops_ratios))
        if system.compares:
            with np.load(file) as found:
                outputs[system.name] = {key: found[key] for key in system.compares}
        loaded[system.name] = answer
    for name, difference in require_equal(made.name, outputs).items():
        loaded[name]["max_logit_difference"] = difference
    return loaded


def _report(
    made: Made,
    seconds: dict[str, list[float]],
    cpu: dict[str, list[float]],
    loaded: dict[str, Any],
) -> dict[str, Any]:
    """Rates of every system, and how ours compare with each peer's."""
    num = len(made.flops)
    systems = {
        name: {**_rates(made, times, loaded[name]), "cpu_seconds": summary(cpu[name])}
        for name, times in seconds.items()
    }
    own = [name for name in seconds if name in OWN]
    peers = [name for name in seconds if name not in OWN]
    # At equal FLOPs, a peer that does less work per candidate has done fewer.
    equal = {n: loaded[n].get("flops_ratio", 1.0) for n in peers}
    compared = {
        name: {
            peer: ratios([s / equal[peer] for s in seconds[peer]], seconds[name])
            for peer in peers
        }
        for name in own
    }
    forms = [s.name for s in FORMS if s.name in seconds]
    best = min(forms, key=lambda n: systems[n]["seconds"]["median"])
    return {
        "name": made.name,
        "candidates": num,
        "sentences": len(made.case.length),
        "tokens": made.num_tokens,
        "gflops_per_candidate": float(made.flops.mean() / 1e9),
        "shared_work": made.shared,
        "systems": systems,
        "ratios": compared,
        "best_form": best,
        "bars": _bars(made, compared[best]),
    }


def _rates(made: Made, times: list[float], loaded: dict[str, Any]) -> dict[str, Any]:
    """What the table shows of one system."""
    num = len(made.flops)
    taken = summary(times)
    one = taken["median"] / num
    compile_seconds = max(loaded["first_seconds"] - taken["median"], 0.0)
    return {
        **loaded,
        "seconds": taken,
        "candidates_per_second": summary([num / s for s in times]),
        "candidate_tokens_per_second": summary(
            [num * made.num_tokens / s for s in times]
        ),
        "padding_share": 1.0 - made.num_tokens / loaded["token_slots"],
        "compile_seconds": compile_seconds,
        "candidates_per_second_with_compilation": {
            str(n): n / (n * one + compile_seconds) for n in AMORTISED
        },
    }


def _bars(made: Made, found: dict[str, Any]) -> dict[str, Any]:
    """What the best form must reach against each peer, and whether it does."""
    kind = "real" if made.case.is_ragged else "equal"
    return {
        peer: {
            "at_least": BARS[peer][kind],
            "ratio": ratio["median"],
            "is_reached": bool(ratio["median"] >= BARS[peer][kind]),
        }
        for peer, ratio in found.items()
    }


def make_cases(
    is_quick: bool, data: Path, candidates: int
) -> tuple[Iterable[Made], dict[str, str]]:
    """One case after another, and why the real one is missing where it is."""
    settings, tokens = (SETTINGS, TOKENS) if not is_quick else ((TINY,), ((4, 8),))
    cases = [functools.partial(synthetic, s, *t) for s in settings for t in tokens]
    missing = {}
    if not data.is_dir():
        missing["SIB-200"] = f"no folder {data}: name it with --sib200"
    else:
        try:
            sizes = (2, 8) if is_quick else (candidates, None)
            real = sib200(data, *sizes)
            cases.append(lambda: real)
        except ConfigError as error:
            missing["SIB-200"] = str(error)
    return (make() for make in cases), missing


def start(
    stack: ExitStack, is_quick: bool, environments: Path, folder: Path
) -> tuple[dict[str, Worker], dict[str, str]]:
    """A worker for every system that is installed, and why the others are missing."""
    workers, missing = {}, {}
    for system in SYSTEMS:
        if is_quick and system not in (FORMS[0], TORCH):
            continue
        python = Path(sys.executable)
        if system.peer:
            python = environments / system.peer / "bin" / "python"
        if not python.exists():
            missing[system.name] = f"run benchmarks/peers/install.sh {system.peer}"
            continue
        worker = Worker(system.name, str(python), system.script, folder)
        workers[system.name] = stack.enter_context(closing(worker))
    return workers, missing


def show(case: dict[str, Any]) -> None:
    """One case as it is done, on standard error."""
    lines = [f"{case['name']} (shared work {case['shared_work']:.0%})"]
    for name, found in case["systems"].items():
        rate = found["candidates_per_second"]
        compared = ", ".join(
            f"{ratio['median']:.2f}x {peer} ({ratio['min']:.2f}-{ratio['max']:.2f})"
            for peer, ratio in case["ratios"].get(name, {}).items()
        )
        lines.append(f"  {name:30} {rate['median']:9.2f} candidates/s  {compared}")
    sys.stderr.write("\n".join(lines) + "\n")


def main() -> None:
    """Measures every case and writes one file."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--environments", type=Path, default=ROOT / "benchmarks" / "peers" / ".venvs"
    )
    parser.add_argument("--sib200", type=Path, default=SIB200_FOLDER)
    parser.add_argument("--sib200-candidates", type=int, default=SIB200_CANDIDATES)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers, missing = start(stack, given.quick, given.environments, folder)
        cases, missing_cases = make_cases(
            given.quick, given.sib200, given.sib200_candidates
        )
        described = {name: worker.ask("describe") for name, worker in workers.items()}
        found = []
        for made in cases:
            found.append(measure(made, workers, folder, given.repeats))
            show(found[-1])
    question = (__doc__ or "").splitlines()[0]
    result = {
        "cases": found,
        "workers": described,
        "not_measured": missing | missing_cases,
        "logit_tolerance": LOGIT_TOLERANCE,
    }
    command = (
        f"python -m benchmarks.speed.throughput --repeats {given.repeats} "
        f"--sib200-candidates {given.sib200_candidates}" + " --quick" * given.quick
    )
    write(given.out, question, command, result)


if __name__ == "__main__":
    main()
