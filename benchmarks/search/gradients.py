"""What do strategies that follow gradients find in a table, seeing its supernet?

The supernet whose networks the table scores is trained (or read, where
`tools/make_table.py` left it), and its weights stay as they are. Before each round a
strategy takes gradient steps of the choices on the dev sets of the languages that are
searched on; what it then asks for is looked up in the table, as in `strategies.py`.

A gradient step is not free: it runs forward and backward, about three times the work
of a batch of scoring. `evaluations_alike` is how many full networks could be scored, on
all that a search scores them on, for the work of all steps of a run. The strategies
descend on cross-entropy, so what they find is judged by that, too, beside the error.

    python -m benchmarks.search.gradients --out benchmarks/results/gradients.json
"""

import argparse
import dataclasses
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import ROOT, arguments
from benchmarks.reporting import Bar, below, report
from benchmarks.search import strategies
from benchmarks.search.tabular import Problem, make_problem, make_runner
from benchmarks.search.trained import train
from benchmarks.table import load
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import GradientController
from xlnas_jax.config.reading.file import load_config, to_mapping
from xlnas_jax.controllers.base import Controller
from xlnas_jax.devices.backend import use_compilation_cache
from xlnas_jax.devices.sharding import make_mesh
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.state import read_data
from xlnas_jax.search.engine import make_scoring
from xlnas_jax.search.refine import make_refine
from xlnas_jax.training.learner import Learner

FORWARD_AND_BACKWARD = 3
METRICS = ("error", "loss")
# Networks scored again to see that supernet and table belong together; cross-entropy.
CHECKED, SAME = 8, 1e-3
# A sliced path takes a third of the time of the mixture of all.
STRATEGIES = {
    "darts": ("controller.kind=darts", "controller.arch_steps=5"),
    "gdas": ("controller.kind=gdas", "controller.arch_steps=10"),
}


def main() -> None:
    """Runs every strategy with every seed, and random search beside them."""
    parser = arguments(__doc__)
    parser.add_argument("--table", default="sib200_minilm.npz")
    parser.add_argument("--config", default="configs/table_sib200.yaml")
    parser.add_argument("--run-dir", type=Path, default=ROOT / "runs" / "table")
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--population", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--set", nargs="+", default=[], metavar="OPTION=VALUE")
    given = parser.parse_args()
    use_compilation_cache()
    config = load_config(ROOT / given.config)
    learner = train(config, given.run_dir)
    table = load(given.table)
    require_same(config, learner, table)
    problems = {
        metric: make_problem(table, metric, seen=strategies.SEEN) for metric in METRICS
    }
    met = {strategies.CONTROL: by_chance(problems["error"], given)}
    price = {}
    for name in given.strategies:
        met[name] = search(problems["error"], learner, name, given)
        price[name] = priced(search_config(problems["error"], name, given), table)
    by = {
        metric: outcome(problem, metric, met, given)
        for metric, problem in problems.items()
    }
    result = {
        "price": price,
        "by": by,
        "bars": [bar for metric in METRICS for bar in bars(by[metric])],
    }
    report(given.out, __doc__, result)


def require_same(config: Config, learner: Learner, table: dict[str, Any]) -> None:
    """Stops where the supernet is not the one whose scores the table holds."""
    search = dataclasses.replace(config.search, population=CHECKED)
    experiment = prepare(dataclasses.replace(config, search=search))
    score = make_scoring(experiment, *read_data(experiment))["score"]
    chosen = np.linspace(0, len(table["loss"]) - 1, CHECKED).astype(int)
    rows = table["architectures"][chosen].astype(np.int32)
    (sums,) = score(learner.params, rows, CHECKED).statistics
    found = np.asarray(experiment.parts[0].task.metrics(sums)["loss"])
    off = float(np.abs(found - table["loss"][chosen]).max())
    print(f"the supernet's losses are within {off:.1g} of the table's")
    if off > SAME:
        raise SystemExit(
            "the supernet must be the one that the table was made with; its losses are "
            f"{off:.2g} off. Make the table anew: tools/make_table.py."
        )


def by_chance(problem: Problem, given: argparse.Namespace) -> list[np.ndarray]:
    """What random search evaluates, a seed each."""
    config = strategies.strategies()[strategies.CONTROL]()
    run = make_runner(problem, config, given.evaluations, given.population)
    return [run(seed) for seed in range(given.seeds)]


def search(
    problem: Problem, learner: Learner, name: str, given: argparse.Namespace
) -> list[np.ndarray]:
    """What a strategy evaluates, a seed each; what was searched before is read.

    Scores teach such a strategy nothing, so one run serves every metric.
    """
    config = search_config(problem, name, given)
    named = hashlib.sha256(repr(to_mapping(config)).encode()).hexdigest()[:12]
    folder = given.run_dir / f"gradients-{named}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}.npy" for seed in range(given.seeds)]
    missing = [seed for seed, path in enumerate(paths) if not path.exists()]
    if missing:
        refiner = make_refiner(config, learner)
        run = make_runner(
            problem, config.controller, given.evaluations, given.population, refiner
        )
        for seed in missing:
            started = time.perf_counter()
            np.save(paths[seed], run(seed))
            seconds = time.perf_counter() - started
            print(f"{name}, seed {seed}: {seconds:.0f} s", flush=True)
    return [np.load(path) for path in paths]


def outcome(
    problem: Problem,
    metric: str,
    met: dict[str, list[np.ndarray]],
    given: argparse.Namespace,
) -> dict[str, Any]:
    """What was evaluated, judged by one metric; as `strategies.py` reports it."""
    curves = {
        name: [strategies.curve(problem, one, given.evaluations) for one in runs]
        for name, runs in met.items()
    }
    return {
        **strategies.described(problem, given.table, metric),
        "evaluations": given.evaluations,
        "seeds": given.seeds,
        "strategies": {name: strategies.compared(name, curves) for name in curves},
    }


def bars(found: dict[str, Any]) -> list[Bar]:
    """Every strategy beats random search."""
    regrets = {
        name: one["regret"]["median"] for name, one in found["strategies"].items()
    }
    random = regrets.pop(strategies.CONTROL)
    return [
        below(f"regret of {name}, by {found['metric']}", random, regret)
        for name, regret in regrets.items()
    ]


def search_config(problem: Problem, name: str, given: argparse.Namespace) -> Config:
    """The table's configuration as a search by one strategy within the limit."""
    options = (
        *STRATEGIES[name],
        f"search.rounds={rounds_of(given)}",
        f"search.population={given.population}",
        f"languages.aux_heldout=[{','.join(strategies.SEEN)}]",
        f"constraints.encoder_params={problem.constraints.encoder_params}",
        "train.batch_size=16",
        # Each length makes a program of every strategy's step.
        "tokens.num_buckets=2",
        *given.set,
    )
    return load_config(ROOT / given.config, options)


def make_refiner(
    config: Config, learner: Learner
) -> Callable[[Controller], Callable[[Any, int], Any]]:
    """`controller -> (state, number) -> state`: the gradient steps of a round."""
    experiment = prepare(config)
    rows, heldout = read_data(experiment)
    mesh = make_mesh(config.devices)

    def refiner(controller: Controller) -> Callable[[Any, int], Any]:
        steps = make_refine(experiment, rows, heldout, controller, 0, mesh)
        return lambda state, number: steps(state, learner, number)

    return refiner


def rounds_of(given: argparse.Namespace) -> int:
    """Rounds of a run in which every candidate is new."""
    return -(-given.evaluations // given.population)


def priced(config: Config, table: dict[str, Any]) -> dict[str, float]:
    """Gradient steps of a run, and how many networks are scored in their time.

    Sentence for sentence, of full networks both.
    """
    assert isinstance(config.controller, GradientController)
    steps = config.controller.arch_steps * config.search.rounds
    pairs = zip(table["languages"], table["num_examples"], strict=True)
    scored = sum(int(num) for code, num in pairs if str(code) in strategies.SEEN)
    alike = FORWARD_AND_BACKWARD * steps * config.train.batch_size / scored
    return {"arch_steps": steps, "evaluations_alike": alike}


if __name__ == "__main__":
    main()
