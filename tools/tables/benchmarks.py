"""Sections of benchmarks: a question, a verdict, one small table, a command."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tables import speed
from tables.markdown import (
    NOT_MEASURED,
    RESULTS,
    interval,
    load,
    machine,
    mean_points,
    number,
    table,
)

Found = dict[str, Any]
Rows = list[list[str]]
# Of a table that stands for all that was measured.
MOST_ROWS = 4
BAR_HEADING = ["bar", "asked", "found", "reached"]


class Brief(NamedTuple):
    """What a section says: the verdict in one sentence, and a table with a heading."""

    verdict: str
    rows: Rows


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


def by_bars(found: Found) -> Brief:
    """What was asked for, what was missed first."""
    every = sorted(found["bars"], key=lambda bar: bar["is_reached"])
    num = sum(bar["is_reached"] for bar in every)
    rows = [BAR_HEADING, *map(bar_row, every[:MOST_ROWS])]
    if num == len(every):
        verdict = f"All {num} bars are reached." if num > 1 else "The bar is reached."
        return Brief(verdict, rows)
    missed = "; ".join(bar["what"] for bar in every if not bar["is_reached"])
    return Brief(f"{num} of {len(every)} bars are reached, not: {missed}.", rows)


def bar_row(bar: Found) -> list[str]:
    """One bar, as `BAR_HEADING` has it."""
    sign, limit = ("≤", "at_most") if "at_most" in bar else ("≥", "at_least")
    asked = f"{sign} {number(bar[limit])}"
    reached = "yes" if bar["is_reached"] else "**no**"
    return [bar["what"], asked, number(bar["value"]), reached]


def throughput(found: Found) -> Brief:
    """The least and the most that each peer is behind."""
    rows: Rows = [["beside", "least", "most", "cases"]]
    ratios: dict[str, list[float]] = {}
    for case in found["cases"]:
        for peer, one in case["ratios"][case["best_form"]].items():
            if peer in speed.PEERS:
                ratios.setdefault(peer, []).append(one["median"])
    for peer, own in ratios.items():
        ends = (f"×{number(min(own))}", f"×{number(max(own))}")
        rows.append([peer, *ends, str(len(own))])
    every = [one for own in ratios.values() for one in own]
    verdict = (
        f"Ours is {number(min(every))} to {number(max(every))} times as fast as the "
        f"peers on the same tensors."
    )
    return Brief(verdict, rows)


def fidelity(found: Found) -> Brief:
    """Ranks of the supernet against those of networks trained alone."""
    rows: Rows = [["ranked by", "Kendall's tau-b", "within sizes", "regret"]]
    for name in ("error", "loss"):
        one = found[name]
        tau = one["tau"]
        spread = f"{number(tau['value'])} ({number(tau['low'])}–{number(tau['high'])})"
        within = number(one["tau_within_bins"])
        rows.append([name, spread, within, number(one["regret"])])
    verdict = (
        f"By error with a tau of {number(found['error']['tau']['value'])}, by loss "
        f"with {number(found['loss']['tau']['value'])}, over {found['networks']} "
        f"networks."
    )
    return Brief(verdict, rows)


def racing(found: Found) -> Brief:
    """What racing took of the time of full scoring."""
    ways = ("race, best", "race, front")
    rows: Rows = [["population", *(f"{way}, of full time" for way in ways)]]
    shares = []
    for name, one in found["populations"].items():
        took = [one["timed"]["time_over_full"][way]["median"] for way in ways]
        shares += took
        rows.append([name, *map(number, took)])
    verdict = (
        f"On {found['examples']} examples it takes {number(min(shares))} to "
        f"{number(max(shares))} of the time of scoring all to the end."
    )
    return Brief(verdict, rows)


def trimmed(found: Found) -> Brief:
    """Sizes and scores before and after pieces were left out."""
    rows: Rows = [
        ["seed", "parameters", "trimmed", "pieces", "kept", "target mean", "trimmed"]
    ]
    lost = []
    for run in found["runs"]:
        means = run["target_mean"]
        lost.append(100 * (means["whole"] - means["trimmed"]))
        rows.append(
            [
                str(run["seed"]),
                *(f"{run['params'][n] / 1e6:.1f} M" for n in ("whole", "trimmed")),
                *(f"{run['pieces'][n]:,}" for n in ("whole", "trimmed")),
                *(f"{100 * means[n]:.1f}" for n in ("whole", "trimmed")),
            ]
        )
    most = max(run["params"]["trimmed"] for run in found["runs"]) / 1e6
    verdict = (
        f"What was found at {found['place']} of the FLOPs has {most:.1f} M parameters "
        f"at most, and loses {sum(lost) / len(lost):.1f} points of its target mean."
    )
    return Brief(verdict, rows)


def few_labels(found: Found) -> Brief:
    """Points that a choice loses, by labels and by divergence of as many sentences."""
    lost = {
        (one["by"], one.get("languages"), one.get("sentences")): 100 * one["lost"]
        for one in found["lost"]
    }
    labels, same = "labels", "divergence, same sentences"
    pairs = sorted({key[1:] for key in lost if key[0] == labels})
    most = pairs[-1][0]
    rows: Rows = [["languages", "sentences of each", "labels", "divergence"]]
    ends = {min(n for _, n in pairs), max(n for _, n in pairs)}
    for count, number_of in pairs:
        if count in (1, most) and number_of in ends:
            both = (f"{lost[way, count, number_of]:.1f}" for way in (labels, same))
            rows.append([str(count), str(number_of), *both])
    alone = {way: lost[way, None, None] for way in ("nothing", "source labels")}
    verdict = (
        f"Points of the target mean that are lost by choosing among "
        f"{found['networks']} trained networks of one size: {alone['nothing']:.1f} "
        f"blindly, {alone['source labels']:.1f} by the source's labels, "
        f"{lost['divergence, all text', None, None]:.1f} by divergence on all text."
    )
    return Brief(verdict, rows)


def without_labels(found: Found) -> Brief:
    """What each network keeps of the full encoder, in heard and in other languages."""
    rows: Rows = [["network", "of the encoder", "text was seen", "never seen"]]
    names = dict.fromkeys(name for run in found["runs"] for name in run["networks"])
    for name in names:
        own = [r["networks"][name] for r in found["runs"] if name in r["networks"]]
        means = [
            100 * sum(one["mean"][group] for one in own) / len(own)
            for group in ("seen", "unseen")
        ]
        share = sum(one["share_of_encoder"] for one in own) / len(own)
        rows.append([name, f"{share:.0%}", *(f"{mean:.1f}" for mean in means)])
    seen, unseen = (bar["value"] for bar in found["bars"][:2])
    first = found["runs"][0]["languages"]
    verdict = (
        f"P@1 among all test sentences, mean of both directions: what was picked loses "
        f"{seen:.1f} points in {len(first['seen'])} languages whose text it learnt "
        f"from, and {unseen:.1f} in {len(first['unseen'])} that it never saw."
    )
    return Brief(verdict, rows)


def distillation(found: Found) -> Brief:
    """Scores by way of training, and what all text gains over labels."""
    runs = found["runs"]
    ways = list(runs[0]["structures"][0]["target_mean"])
    rows: Rows = [["network", *ways, "gained", "95 %"]]
    gained = []
    for place, first in enumerate(runs[0]["structures"]):
        own = [run["structures"][place] for run in runs]
        means = [
            100 * sum(one["target_mean"][way] for one in own) / len(own) for way in ways
        ]
        gains = [one["gain"] for one in own]
        gained.append(mean_points(gains))
        low, high = interval(gains)
        rows.append(
            [
                first["structure"],
                *(f"{mean:.1f}" for mean in means),
                f"{gained[-1]:+.1f}",
                f"{low:+.1f} to {high:+.1f}",
            ]
        )
    verdict = (
        f"Target means after {found['steps']} steps alone, {len(runs)} seeds: "
        f"distillation on all text is {min(gained):+.1f} to {max(gained):+.1f} points "
        f"from labels alone."
    )
    return Brief(verdict, rows)


BENCHMARKS = {
    "throughput": Benchmark("speed.throughput", throughput),
    "roofline": Benchmark("speed.roofline"),
    "compile": Benchmark("speed.compile"),
    "scaling": Benchmark("speed.scaling"),
    "overhead": Benchmark("speed.overhead"),
    "memory": Benchmark("speed.memory"),
    "latency": Benchmark("speed.latency"),
    "gpu": Benchmark("speed.gpu"),
    "racing": Benchmark("search.racing", racing),
    "strategies": Benchmark("search.strategies", plot="strategies.png"),
    "gradients": Benchmark("search.gradients"),
    "whole_searches": Benchmark("search.whole_searches"),
    "escape": Benchmark("search.escape", plot="escape.png"),
    "fidelity": Benchmark("evidence.fidelity", fidelity),
    "trimmed": Benchmark("evidence.trimmed runs/sib200_e5-s0 --params 29.5e6", trimmed),
    "without_labels": Benchmark(
        "evidence.without_labels runs/retrieval_e5", without_labels
    ),
    "few_labels": Benchmark("evidence.few_labels runs/sib200_e5-s0", few_labels),
    "control": Benchmark("evidence.control runs/quickstart_scratch runs/sib200"),
    "weight_step": Benchmark("speed.weight_step"),
    "distillation": Benchmark(
        "evidence.distillation runs/sib200_e5-s0 --steps 80 --structures 2",
        distillation,
    ),
}
# Shown together, by the bar of each that is nearest to being missed.
ENGINE = ("scaling", "overhead", "memory", "whole_searches")


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
        f"*Are results the same on any number of devices, memory flat, limits kept and "
        f"time spent on work?* {len(bars) - len(missed)} of {len(bars)} bars are "
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
