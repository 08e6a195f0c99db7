"""Does knowing how far a language is help a search to find networks for it?

On a table in which every network of a space was scored in several languages (see
`table/README.md`), each language is the target of searches of its own. The part of the
space that is searched follows its distance from the source; beside it stand the whole
space, the distance of another language in the place of each (every language gets each
other's once), and one less the distance. Counted are the evaluations until a network's
accuracy within the limit is 99 % of the best there is; a run that never comes there
counts as one more than all. Languages and seeds are paired.

    python -m benchmarks.search.adaptive --out benchmarks/results/adaptive.json
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.harness import arguments
from benchmarks.reporting import below, report
from benchmarks.search.strategies import strategies
from benchmarks.search.tabular import Problem, make_problem, make_runner
from benchmarks.table import load
from xlnas_jax.config.languages import DistanceConfig
from xlnas_jax.config.space import AdaptConfig
from xlnas_jax.languages.distance.composite import measure
from xlnas_jax.search.adapt import Adapt
from xlnas_jax.search.difficulty import Difficulty

SOURCE = "en"
ENOUGH = 0.99
SPACES = ("adaptive", "whole", "shuffled", "reversed")
DRAWS = 2_000
# Of the limit on encoder parameters, as a share of the full network's.
LIMIT = 0.5
FEW = 3


def main() -> None:
    """Searches for every language with every kind of distance, and compares them."""
    parser = arguments(__doc__)
    parser.add_argument("--table", default="sib200_minilm.npz")
    parser.add_argument("--evaluations", type=int, default=120)
    parser.add_argument("--population", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sensitivity", type=float, nargs="+", default=[1.0, 2.0])
    parser.add_argument(
        "--strategies", nargs="+", default=["random", "regularised_evolution"]
    )
    given = parser.parse_args()
    seeds = 2 if given.quick else given.seeds
    evaluations = 30 if given.quick else given.evaluations
    table = load(given.table)
    languages = [str(code) for code in table["languages"]]
    languages = languages[: FEW if given.quick else None]
    distances = distances_of(languages)
    found = {}
    for strategy in given.strategies:
        for sensitivity in given.sensitivity:
            started = time.perf_counter()
            counts = {space: [] for space in SPACES}
            for language in languages:
                problem = make_problem(table, limit=LIMIT, seen=(language,))
                for space in SPACES:
                    own = searched(
                        problem,
                        strategy,
                        [None]
                        if space == "whole"
                        else others(space, language, distances),
                        sensitivity,
                        (evaluations, given.population, seeds),
                    )
                    counts[space].append(own)
            name = f"{strategy}, sensitivity {sensitivity:g}"
            found[name] = compared(counts)
            print(f"{name}: {time.perf_counter() - started:.0f} s")
    result = {
        "table": given.table,
        "distances": distances,
        "evaluations": evaluations,
        "seeds": seeds,
        "enough": ENOUGH,
        "searches": found,
    }
    result["bars"] = bars(found)
    report(given.out, __doc__, result)


def distances_of(languages: Sequence[str]) -> dict[str, float]:
    """From the source to each, by what is recorded of them."""
    made = measure((SOURCE, *languages), DistanceConfig(), is_strict=False)
    row = made.combined()[0, 1:]
    return dict(zip(languages, row.round(4).tolist(), strict=True))


def others(
    space: str, language: str, distances: Mapping[str, float]
) -> list[float | None]:
    """The distances that stand for a language's: its own, or a control's."""
    own = distances[language]
    if space == "adaptive":
        return [own]
    if space == "reversed":
        return [1.0 - own]
    return [far for code, far in distances.items() if code != language]


def searched(
    problem: Problem,
    strategy: str,
    distances: Sequence[float | None],
    sensitivity: float,
    size: tuple[int, int, int],
) -> list[float]:
    """Evaluations of each seed, the mean over the distances that stand for it.

    Args:
        size: evaluations, population and seeds.
    """
    evaluations, population, seeds = size
    counts = np.zeros((len(distances), seeds))
    for row, far in enumerate(distances):
        adapt = None if far is None else make_adapt(problem, far, sensitivity)
        config = strategies()[strategy]()
        run = make_runner(problem, config, evaluations, population, adapt=adapt)
        counts[row] = [
            until_enough(problem, run(seed), evaluations) for seed in range(seeds)
        ]
    return counts.mean(0).tolist()


def make_adapt(problem: Problem, distance: float, sensitivity: float) -> Adapt:
    """Bounds by a distance alone."""
    names = ("depth", "ffn")
    config = AdaptConfig(
        distance=1.0,
        alignment=0.0,
        morphology=0.0,
        sensitivity=dict.fromkeys(names, sensitivity),
    )
    known = Difficulty(distance, None)
    return Adapt(problem.costs, problem.constraints, config, known, 1)


def until_enough(problem: Problem, met: np.ndarray, evaluations: int) -> int:
    """How many networks were evaluated when one was good enough."""
    accuracy = 1.0 - problem.objectives[met, 0]
    is_enough = accuracy >= ENOUGH * (1.0 - problem.best)
    is_enough &= problem.fits[met]
    return int(is_enough.argmax()) + 1 if is_enough.any() else evaluations + 1


def compared(counts: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Any]:
    """Means of each space, and paired differences from the adaptive one."""
    every = {space: np.asarray(own) for space, own in counts.items()}
    found: dict[str, Any] = {
        "evaluations": {space: float(own.mean()) for space, own in every.items()},
        "by_language": {space: own.mean(1).tolist() for space, own in every.items()},
        "adaptive_less": {},
    }
    for space in SPACES[1:]:
        difference = every["adaptive"] - every[space]
        low, high = interval(difference)
        found["adaptive_less"][space] = {
            "mean": float(difference.mean()),
            "low": low,
            "high": high,
        }
    return found


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean; languages are drawn, then their seeds."""
    rng = np.random.default_rng(0)
    languages, seeds = values.shape
    rows = rng.integers(0, languages, (DRAWS, languages, 1))
    columns = rng.integers(0, seeds, (DRAWS, languages, seeds))
    means = values[rows, columns].mean((1, 2))
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def bars(found: Mapping[str, Any]) -> list[Any]:
    """The adaptive space takes fewer evaluations than each control, for certain."""
    return [
        below(f"{name}: evaluations less those of {space}", 0.0, own["high"])
        for name, one in found.items()
        for space, own in one["adaptive_less"].items()
    ]


if __name__ == "__main__":
    main()
