"""Does a search that has run into a local optimum find its way out?

Strategies search a landscape whose truth is known (see `deceptive.py`): the way down
leads to cheap networks, and the better ones lie beyond a valley. Each is run with and
without the escape of `xlnas_jax.search.escape`, with the same seeds, and has arrived
when its archive holds a network whose error is within 0.02 of the best there is; on
this side of the valley none is. Random search is the control.

    python -m benchmarks.search.escape --out benchmarks/results/escape.json
"""

import dataclasses
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import binomtest

from benchmarks.harness import arguments, summary
from benchmarks.reporting import at_least, at_most, below, report
from benchmarks.search.deceptive import OBJECTIVES, Deceptive, make_deceptive
from xlnas_jax.config.controller import (
    AnyController,
    Nsga2Controller,
    RandomController,
    RegularisedEvolutionController,
    ReinforceController,
)
from xlnas_jax.config.search import EscapeConfig, SearchConfig
from xlnas_jax.controllers.base import Setting, Told
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.objectives.pareto import Archive, init_archive, insert
from xlnas_jax.search.escape import with_escape
from xlnas_jax.search.propose import make_propose

STRATEGIES: dict[str, AnyController] = {
    "nsga2": Nsga2Controller(),
    "regularised_evolution": RegularisedEvolutionController(),
    "reinforce": ReinforceController(),
    "random": RandomController(),
}
# Those that the bars are for; the others are shown beside them.
JUDGED = ("nsga2", "regularised_evolution")
NEAR = 0.02
WITH, WITHOUT, CHANCE = 18, 8, 0.01
# What only the random networks do is told apart from the rest.
ARMS = {
    "with": EscapeConfig(),
    "no immigrants": EscapeConfig(immigrants=0.0),
    "without": None,
}
# Seeds have their own keys, and so have the rounds of each.
MOST_ROUNDS = 100_000


class Run(NamedTuple):
    """One search.

    Attributes:
        errors, volumes: after each round, the archive's lowest error, and its share of
            the hypervolume of the true front.
        levels: of the escape in each round; none where it is off.
    """

    errors: list[float]
    volumes: list[float]
    levels: list[int]


def main() -> None:
    """Runs every strategy with every seed, with escape and without."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--population", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    rounds, seeds = (3, 2) if given.quick else (given.rounds, given.seeds)
    problem = make_deceptive()
    found = {}
    curves: dict[str, dict[str, list[Run]]] = {}
    for name in given.strategies:
        runs = {}
        for arm, escape in ARMS.items():
            run = make_run(problem, STRATEGIES[name], escape, rounds, given.population)
            runs[arm] = [run(seed) for seed in range(seeds)]
        curves[name] = runs
        found[name] = compared(problem, runs)
    result = {
        "rounds": rounds,
        "population": given.population,
        "seeds": seeds,
        "space": problem.costs.space.size,
        "optimum": problem.optimum,
        "cheap_optimum": problem.cheap_optimum,
        "near": NEAR,
        "escape": dataclasses.asdict(EscapeConfig()),
        "strategies": found,
    }
    if not given.quick:
        result["bars"] = bars(found)
    if given.plot is not None:
        draw(problem, curves, given.population, given.plot)
    report(given.out, __doc__, result)


def make_run(
    problem: Deceptive,
    config: AnyController,
    escape: EscapeConfig | None,
    rounds: int,
    population: int,
) -> Callable[[int], Run]:
    """Builds `seed -> Run`: the round of `search.step`, with errors looked up."""
    search = SearchConfig(population=population, objectives=OBJECTIVES)
    costs = problem.costs
    largest = costs.space.largest_row[None]
    full = float(costs(largest)["flops"][0])
    setting = Setting(costs, problem.limit, rounds, population, (full,), OBJECTIVES)
    controller = make_controller(config, setting).compiled()
    if escape is not None:
        size = search.archive_size
        controller = with_escape(controller, escape, setting, problem.box, size)
    propose = make_propose(controller, costs, problem.limit, search, key_of)
    put = jax.jit(insert)

    def run(seed: int) -> Run:
        number = seed * MOST_ROUNDS
        state = controller.init(key_of(number))
        archive = init_archive(search.archive_size, largest.shape[1], 2, 1)
        done = Run([], [], [])
        for round_number in range(1, rounds + 1):
            proposal = propose(state, number + round_number)
            told = tell_of(problem, proposal)
            state = controller.tell(state, told)
            rows = jnp.asarray(costs.space.canonical(proposal.indices))
            nothing = jnp.zeros((len(rows), 1))
            archive = put(archive, rows, told.objectives, nothing, told.is_valid)
            if controller.watch is not None:
                state = controller.watch(state, archive)
                done.levels.append(int(state.level))
            note(problem, archive, done)
        return done

    return run


def key_of(number: int) -> jax.Array:
    """The key of one round of one seed."""
    return jax.random.fold_in(jax.random.key(0), number)


def tell_of(problem: Deceptive, proposal: Any) -> Told:
    """A population with its scores."""
    objectives = [problem.error(proposal.indices), proposal.costs["flops"]]
    return Told(
        jnp.asarray(proposal.indices),
        jnp.asarray(np.stack(objectives, -1), jnp.float32),
        jnp.asarray(np.arange(len(proposal.indices)) < proposal.num),
        jnp.asarray(proposal.is_drawn),
    )


def note(problem: Deceptive, archive: Archive, done: Run) -> None:
    """Adds what the archive holds to a run."""
    points = np.asarray(archive.objectives, np.float64)[np.asarray(archive.is_valid)]
    whole = problem.box.volume(problem.front)
    done.errors.append(float(points[:, 0].min()))
    done.volumes.append(problem.box.volume(points) / whole)


def arrived(problem: Deceptive, run: Run) -> int | None:
    """The round in which a network of the better front was found."""
    is_near = np.asarray(run.errors) <= problem.optimum + NEAR
    return int(is_near.argmax()) + 1 if is_near.any() else None


def compared(problem: Deceptive, runs: dict[str, list[Run]]) -> dict[str, Any]:
    """How many seeds arrive in each arm, and how likely that is by chance alone.

    McNemar's exact test: of the seeds that arrive in one arm only, either arm is as
    likely to be it where escape makes no difference.
    """
    rounds = {arm: [arrived(problem, run) for run in own] for arm, own in runs.items()}
    there = {
        arm: np.asarray([r is not None for r in own]) for arm, own in rounds.items()
    }
    gained = int((there["with"] & ~there["without"]).sum())
    lost = int((there["without"] & ~there["with"]).sum())
    differing = gained + lost
    return {
        "arms": {arm: facts(rounds[arm], runs[arm]) for arm in runs},
        "arrived_only_with": gained,
        "arrived_only_without": lost,
        "p": float(binomtest(gained, differing).pvalue) if differing else 1.0,
    }


def facts(rounds: list[int | None], runs: list[Run]) -> dict[str, Any]:
    """When the runs of one arm arrived, and what they hold in the end."""
    reached = [number for number in rounds if number is not None]
    return {
        "arrived": len(reached),
        "rounds_until": rounds,
        "median_rounds_until": statistics.median(reached) if reached else None,
        "error": summary([run.errors[-1] for run in runs]),
        "volume": summary([run.volumes[-1] for run in runs]),
        "error_curve": middle([run.errors for run in runs]),
        "volume_curve": middle([run.volumes for run in runs]),
        "rounds_shaken": summary([sum(n > 0 for n in run.levels) for run in runs]),
    }


def middle(curves: list[list[float]]) -> list[float]:
    """Median over seeds, after each round."""
    return [round(float(value), 6) for value in np.median(np.asarray(curves), axis=0)]


def bars(found: dict[str, Any]) -> list[Any]:
    """What was asked for, of the strategies that are judged."""
    made = []
    for name in JUDGED:
        if name in found:
            one = found[name]
            counts = {arm: own["arrived"] for arm, own in one["arms"].items()}
            made += [
                at_least(f"{name}, with escape", WITH, counts["with"]),
                at_most(f"{name}, without", WITHOUT, counts["without"]),
                below(f"{name}, McNemar p", CHANCE, one["p"]),
            ]
    return made


def draw(
    problem: Deceptive,
    curves: dict[str, dict[str, list[Run]]],
    population: int,
    out: Path,
) -> None:
    """The landscape's fronts, and the lowest error of every run by evaluations."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, len(curves), figsize=(3.2 * len(curves), 3), sharey=True, squeeze=False
    )
    colours = dict(zip(ARMS, ("tab:blue", "tab:orange", "tab:gray"), strict=True))
    for axis, (name, runs) in zip(axes[0], curves.items(), strict=True):
        for arm, colour in reversed(colours.items()):
            every = np.asarray([run.errors for run in runs[arm]])
            scored = population * np.arange(1, every.shape[1] + 1)
            axis.plot(scored, every.T, color=colour, alpha=0.2, linewidth=0.7)
            axis.plot(scored, np.median(every, axis=0), color=colour, label=arm)
        for level in (problem.optimum, problem.cheap_optimum):
            axis.axhline(level, color="black", linewidth=0.5, linestyle=":")
        axis.set_title(name)
        axis.set_xlabel("evaluations")
    axes[0][0].set_ylabel("lowest error in the archive")
    axes[0][0].legend(title="escape", loc="lower left", fontsize="small")
    figure.tight_layout()
    figure.savefig(out, dpi=120)


if __name__ == "__main__":
    main()
