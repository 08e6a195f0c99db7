"""Sections of benchmarks: a question, a verdict, one small table, a command."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tables import briefs, served, speed
from tables.briefs import BAR_HEADING, Brief, Found, bar_row, by_bars
from tables.markdown import NOT_MEASURED, RESULTS, load, machine, table


class Benchmark(NamedTuple):
    """How one result file is made and shown.

    Attributes:
        module: of `benchmarks`, with its options.
        brief: from the result to what its section says; by the bars if none.
        plot: of `results/`.
    """

    module: str
    brief: Callable[[Found], Brief] | None = None
    plot: str = ""

    def command(self, name: str) -> str:
        """What measures it."""
        out = f"--out benchmarks/results/{name}.json"
        plot = f" --plot benchmarks/results/{self.plot}" if self.plot else ""
        return f"python -m benchmarks.{self.module}{plot} {out}"


BENCHMARKS = {
    "throughput": Benchmark("speed.throughput", briefs.throughput),
    "roofline": Benchmark("speed.roofline"),
    "compile": Benchmark("speed.compile"),
    "scaling": Benchmark("speed.scaling"),
    "overhead": Benchmark("speed.overhead"),
    "memory": Benchmark("speed.memory"),
    "latency": Benchmark("speed.latency"),
    "gpu": Benchmark("speed.gpu"),
    "racing": Benchmark("search.racing", briefs.racing),
    "strategies": Benchmark("search.strategies", plot="strategies.png"),
    "gradients": Benchmark("search.gradients"),
    "planted_gates": Benchmark("search.planted_gates", briefs.planted_gates),
    "whole_searches": Benchmark("search.whole_searches"),
    "escape": Benchmark("search.escape", plot="escape.png"),
    "fidelity": Benchmark("evidence.fidelity", briefs.fidelity),
    "trimmed": Benchmark(
        "evidence.trimmed runs/sib200_e5-s0 --params 29.5e6", served.trimmed
    ),
    "shared_rows": Benchmark(
        "evidence.shared_rows runs/sentiment_e5-s0", served.shared_rows
    ),
    "without_labels": Benchmark(
        "evidence.without_labels runs/retrieval_e5", briefs.without_labels
    ),
    "chosen_by": Benchmark(
        "evidence.chosen_by benchmarks/results/*_e5.json", served.chosen_by
    ),
    "few_labels": Benchmark("evidence.few_labels runs/sib200_e5-s0", briefs.few_labels),
    "control": Benchmark("evidence.control runs/quickstart_scratch runs/sib200"),
    "weight_step": Benchmark("speed.weight_step", briefs.weight_step),
    "forms": Benchmark("speed.forms", briefs.forms),
    "distillation": Benchmark(
        "evidence.distillation runs/sib200_e5-s0 --steps 80 --structures 2",
        briefs.distillation,
    ),
    "adaptive": Benchmark("search.adaptive", briefs.adaptive),
    "aligned": Benchmark(
        "evidence.aligned runs/sib200_e5-s0", briefs.aligned, plot="aligned.png"
    ),
    "mixed": Benchmark("evidence.mixed", briefs.mixed),
}
# Shown together, by the bar of each that is nearest to being missed.
ENGINE = ("scaling", "overhead", "memory", "whole_searches", "latency", "control")
# Shown together, too: what follows gradients.
FOLLOWED = ("gradients", "planted_gates")


def benchmark_block(name: str, folder: Path = RESULTS) -> str:
    """One benchmark as measured, or how to measure it."""
    made = BENCHMARKS[name]
    if not (folder / f"{name}.json").exists():
        return f"{NOT_MEASURED.capitalize()}: `{made.command(name)}`.\n"
    found = load(name, folder)
    brief = (made.brief or by_bars)(found)
    plot = f", [plot](results/{made.plot})" if made.plot else ""
    where = f"[all of it](results/{name}.json){plot}; {machine(found['environment'])}"
    return section(
        f"*{found['question']}* {brief.verdict}",
        brief.rows,
        f"`{typed(name, found)}`: {where}.",
    )


def engine_block(folder: Path = RESULTS) -> str:
    """What the engine promises of itself, a line a benchmark."""
    there = [name for name in ENGINE if (folder / f"{name}.json").exists()]
    results = {name: load(name, folder) for name in there}
    bars = [bar for found in results.values() for bar in found["bars"]]
    missed = [bar["what"] for bar in bars if not bar["is_reached"]]
    verdict = (
        f"*Are results the same on any number of devices, memory flat, limits kept, "
        f"latency predicted, controls at their best and time spent on work?* "
        f"{len(bars) - len(missed)} of {len(bars)} bars are "
        f"reached{', not: ' + '; '.join(missed) if missed else ''}."
    )
    rows = [
        BAR_HEADING,
        *(
            bar_row(min(found["bars"], key=lambda bar: bar["is_reached"]))
            for found in results.values()
        ),
    ]
    made = [
        f"`{typed(name, found)}`: [all of it](results/{name}.json), commit "
        f"{found['environment']['commit']}"
        for name, found in results.items()
    ]
    made += [
        f"{NOT_MEASURED}: `{BENCHMARKS[name].command(name)}`"
        for name in ENGINE
        if name not in there
    ]
    return section(verdict, rows, "; ".join(made) + ".")


def followed_block(folder: Path = RESULTS) -> str:
    """What follows gradients: a verdict each, and the bars that are nearest."""
    there = [name for name in FOLLOWED if (folder / f"{name}.json").exists()]
    verdicts, rows, made = [], [BAR_HEADING], []
    for name in there:
        found = load(name, folder)
        brief = (BENCHMARKS[name].brief or by_bars)(found)
        verdicts.append(f"*{found['question']}* {brief.verdict}")
        rows += by_bars(found).rows[1:3]
        made.append(
            f"`{typed(name, found)}`: [all of it](results/{name}.json), "
            f"{machine(found['environment'])}"
        )
    made += [
        f"{NOT_MEASURED}: `{BENCHMARKS[name].command(name)}`"
        for name in FOLLOWED
        if name not in there
    ]
    return section(" ".join(verdicts), rows, "; ".join(made) + ".")


def typed(name: str, found: Found) -> str:
    """What measured it, as it is typed today."""
    module = BENCHMARKS[name].module.split()[0]
    script = rf"benchmarks/{module.rpartition('.')[2]}\.py"
    return re.sub(script, f"-m benchmarks.{module}", found["command"])


def section(verdict: str, rows: Sequence[Sequence[str]], made: str) -> str:
    """The lines of one section."""
    return "\n".join([verdict, "", *table(rows), "", made, ""])


def fast_block(folder: Path = RESULTS) -> str:
    """Ours and every peer, case by case."""
    name = "throughput"
    if not (folder / f"{name}.json").exists():
        command = BENCHMARKS[name].command(name)
        lines = [f"{NOT_MEASURED.capitalize()}: `{command}`."]
    else:
        found = load(name, folder)
        where = machine(found["environment"])
        lines = [*speed.compared(found), "", f"`{typed(name, found)}` on {where}."]
    return "\n".join([*lines, "", ""])
