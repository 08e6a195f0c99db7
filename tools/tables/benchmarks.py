"""Blocks of measured benchmarks: question, command, machine, tables and bars."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tables import costs, escape, gpu, latency, limits, scale, speed, strategies
from tables.markdown import NOT_MEASURED, RESULTS, load, machine, number, table

Rows = Callable[[dict[str, Any]], list[str]]


class Benchmark(NamedTuple):
    """How one result file is made and shown.

    Attributes:
        script: of benchmarks/, with its options.
        show: from the result to lines of Markdown.
    """

    script: str
    show: Rows

    def command(self, name: str) -> str:
        """What measures it."""
        return f"python benchmarks/{self.script} --out benchmarks/results/{name}.json"


BENCHMARKS = {
    "throughput": Benchmark("throughput.py", speed.throughput),
    "roofline": Benchmark("roofline.py", limits.roofline),
    "compile": Benchmark("compile.py", costs.compiled),
    "scaling": Benchmark("scaling.py", scale.scaling),
    "overhead": Benchmark("overhead.py", costs.overhead),
    "memory": Benchmark("memory.py", costs.memory),
    "latency": Benchmark("latency.py", latency.latency),
    "racing": Benchmark("racing.py", scale.racing),
    "control": Benchmark("control.py runs/quickstart runs/sib200", scale.control),
    "escape": Benchmark(
        "escape.py --plot benchmarks/results/escape.png", escape.escape
    ),
    "strategies": Benchmark(
        "strategies.py --plot benchmarks/results/strategies.png", strategies.strategies
    ),
    "gradients": Benchmark("gradients.py", strategies.gradients),
    "whole_searches": Benchmark("whole_searches.py", strategies.whole_searches),
    "fidelity": Benchmark("fidelity.py", strategies.fidelity),
    "gpu": Benchmark("gpu.py", gpu.gpu),
}


def benchmark_block(name: str, folder: Path = RESULTS) -> str:
    """One benchmark as measured, or how to measure it."""
    made = BENCHMARKS[name]
    if not (folder / f"{name}.json").exists():
        lines = [f"`{made.command(name)}`", "", f"{NOT_MEASURED.capitalize()}."]
    else:
        found = load(name, folder)
        lines = [
            f"*{found['question']}*",
            "",
            f"`{found['command']}`",
            "",
            f"On {machine(found['environment'])}.",
            "",
            *made.show(found),
            *bars(found.get("bars", [])),
        ]
    return "\n".join([*lines, "", ""])


def bars(found: list[dict[str, Any]]) -> list[str]:
    """What was asked for, and whether it was reached."""
    if not found:
        return []
    rows = [["bar", "asked", "found", "reached"]]
    for bar in found:
        sign, limit = ("≤", "at_most") if "at_most" in bar else ("≥", "at_least")
        asked = f"{sign} {number(bar[limit])}"
        reached = "yes" if bar["is_reached"] else "**no**"
        rows.append([bar["what"], asked, number(bar["value"]), reached])
    return ["", *table(rows)]


def fast_block(folder: Path = RESULTS) -> str:
    """Ours and every peer, case by case."""
    name = "throughput"
    if not (folder / f"{name}.json").exists():
        command = BENCHMARKS[name].command(name)
        lines = [f"{NOT_MEASURED.capitalize()}: `{command}`."]
    else:
        found = load(name, folder)
        where = machine(found["environment"])
        lines = [
            *speed.compared(found),
            "",
            f"`{found['command']}` on {where}.",
        ]
    return "\n".join([*lines, "", ""])
