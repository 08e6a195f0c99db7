"""Which search strategy finds the best networks with the fewest evaluations?

Strategies search a table in which every network of the space was scored (see
`table/README.md`), so that what they miss is known exactly. Each is run with many
seeds: the regret is how far the best network found within the limit on encoder
parameters is from the best there is; the volume is the share of the true front's
hypervolume that is dominated. `heldout` is the same regret in languages that no
strategy was told of.

    python -m benchmarks.search.strategies --out benchmarks/results/strategies.json
"""

import time
import typing
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap, mannwhitneyu

from benchmarks.harness import arguments
from benchmarks.reporting import at_least, below, report
from benchmarks.search.tabular import Problem, make_problem, make_runner
from benchmarks.table import load
from xlnas_jax.config.controller import AnyController

CONTROL = "random"
CONTROLS = (CONTROL, "uniform", "more_params")
SEEN = ("fr", "es", "pt", "de")
MEASURES = ("regret", "heldout", "volume")
# Evaluations between two points of a curve.
EVERY = 5
VOLUME = 0.99
# Strategies that need gradients of a supernet are compared in `gradients.py`.
WITHOUT_TABLE = ("darts", "gdas")


def main() -> None:
    """Runs every strategy with every seed, and compares them with random search."""
    parser = arguments(__doc__)
    parser.add_argument("--table", default="sib200_minilm.npz")
    parser.add_argument("--metric", choices=("error", "loss"), default="error")
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--population", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--strategies", nargs="+", default=sorted(strategies()))
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    seeds = 2 if given.quick else given.seeds
    evaluations = 30 if given.quick else given.evaluations
    problem = make_problem(load(given.table), given.metric, seen=SEEN)
    curves = {}
    for name in given.strategies:
        started = time.perf_counter()
        run = make_runner(problem, strategies()[name](), evaluations, given.population)
        curves[name] = [curve(problem, run(seed), evaluations) for seed in range(seeds)]
        seconds = time.perf_counter() - started
        print(f"{name}: {seconds:.0f} s, regret {median(curves[name]):.4f}")
    result = {
        **described(problem, given.table, given.metric),
        "evaluations": evaluations,
        "seeds": seeds,
        "strategies": {name: compared(name, curves) for name in curves},
    }
    result["bars"] = bars(result)
    if given.plot is not None:
        draw(curves, given.plot)
    report(given.out, __doc__, result)


def described(problem: Problem, table: str, metric: str) -> dict[str, Any]:
    """What is known of a problem when everything in it is."""
    return {
        "table": table,
        "metric": metric,
        "space": len(problem.rows),
        "feasible": int(problem.fits.sum()),
        "front": len(problem.front()),
        "best": problem.best,
    }


def bars(result: dict[str, Any]) -> list[Any]:
    """Every strategy beats random search; the best one finds the front."""
    found = result["strategies"]
    others = [name for name in found if name not in CONTROLS]
    share = max(found[name]["volume"]["median"] for name in found)
    limits = [at_least("share of the true hypervolume, best strategy", VOLUME, share)]
    if CONTROL in found:
        random = found[CONTROL]["regret"]["median"]
        limits += [
            below(f"regret of {name}", random, found[name]["regret"]["median"])
            for name in others
        ]
    return limits


def strategies() -> dict[str, Any]:
    """Every configurable strategy that can search a table, by its name."""
    found = {}
    for config in typing.get_args(AnyController):
        name = config().kind
        if name not in WITHOUT_TABLE:
            found[name] = config
    return found


def curve(problem: Problem, met: np.ndarray, evaluations: int) -> dict[str, Any]:
    """What one run had found after every few evaluations."""
    steps = [n for n in range(EVERY, evaluations + 1, EVERY)]
    objectives, heldout = problem.objectives, problem.heldout
    lowest = float(heldout[problem.fits].min())
    found: dict[str, Any] = {"evaluations": steps}
    for name in MEASURES:
        found[name] = []
    for step in steps:
        seen = met[:step]
        chosen = seen[objectives[seen, 0].argmin()]
        found["regret"].append(float(objectives[chosen, 0] - problem.best))
        found["heldout"].append(float(heldout[chosen] - lowest))
        found["volume"].append(problem.volume(objectives[seen]))
    return found


def median(curves: list[dict[str, Any]], name: str = "regret") -> float:
    """Of the last value over seeds."""
    return float(np.median([one[name][-1] for one in curves]))


def compared(name: str, curves: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians over seeds with 95 % intervals, beside random search."""
    own, control = curves[name], curves.get(CONTROL, [])
    found: dict[str, Any] = {}
    for measure in MEASURES:
        values = [one[measure][-1] for one in own]
        low, high = interval(values)
        found[measure] = {"median": median(own, measure), "low": low, "high": high}
        found[measure]["values"] = values
        if control and name != CONTROL:
            side = "greater" if measure == "volume" else "less"
            others = [one[measure][-1] for one in control]
            test = mannwhitneyu(values, others, alternative=side)
            found[measure]["p_against_random"] = float(test.pvalue)
    for measure in MEASURES:
        rows = np.asarray([one[measure] for one in own])
        found[measure]["curve"] = np.round(np.median(rows, 0), 5).tolist()
    found["evaluations"] = own[0]["evaluations"]
    found["found_best"] = sum(one["regret"][-1] <= 0 for one in own)
    found["to_volume"] = to_volume(own)
    return found


def to_volume(curves: list[dict[str, Any]]) -> dict[str, Any]:
    """Seeds that dominated 99 % of the true volume, and their median evaluations."""
    first = [
        next((n for n, v in pairs if v >= VOLUME), None)
        for one in curves
        for pairs in [list(zip(one["evaluations"], one["volume"], strict=True))]
    ]
    reached = [n for n in first if n is not None]
    typical = float(np.median(reached)) if reached else None
    return {"share": VOLUME, "seeds": len(reached), "median_evaluations": typical}


def interval(values: list[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    if len(set(values)) == 1:
        return values[0], values[0]
    rng = np.random.default_rng(0)
    found = bootstrap((values,), np.median, method="percentile", rng=rng)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def draw(curves: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Medians and quartiles of regret and of missing volume against evaluations."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    colours = plt.get_cmap("tab20")
    for number, (name, runs) in enumerate(curves.items()):
        style = {"color": "black", "linestyle": "--"} if name == CONTROL else {}
        style = style or {"color": colours(number)}
        for axis, measure in zip(axes, ("regret", "volume"), strict=True):
            rows = np.asarray([one[measure] for one in runs])
            rows = 1 - rows if measure == "volume" else rows
            low, middle, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
            steps = runs[0]["evaluations"]
            axis.plot(steps, middle, label=name, **style)
            axis.fill_between(steps, low, high, alpha=0.08, color=style["color"])
    axes[0].set(ylabel="regret of the best network", xlabel="networks evaluated")
    axes[1].set(ylabel="hypervolume missing", xlabel="networks evaluated")
    for axis in axes:
        axis.set_yscale("symlog", linthresh=1e-3)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=8, ncols=2)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
