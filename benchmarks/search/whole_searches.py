"""Is any network over a limit ever run in a whole search, and what does each find?

Every strategy searches from the start to the report on the configuration's own data,
with several seeds. Whatever any evaluator is given on the way (rounds, races, the
scoring of finalists and of the random control at the end) is counted, and held against
the limits anew. One network is run though it is above the limit, on purpose, and is not
counted: the full one, as a baseline of the report.

`search less random` is the target mean of the network found less that of the random
search of the same report, which scores as many networks with the final weights.

    python -m benchmarks.search.whole_searches --out FILE
"""

import contextlib
import json
import statistics
import tempfile
import time
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.harness import ROOT, arguments
from benchmarks.reporting import at_most, report
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import AnyController
from xlnas_jax.config.reading.file import load_config
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.document import target_mean
from xlnas_jax.run.run import run_search
from xlnas_jax.search import engine as engines
from xlnas_jax.space.constraints import is_feasible

MAKERS = ("make_evaluate", "make_race_evaluate", "make_halving_evaluate")
KINDS = tuple(config().kind for config in typing.get_args(AnyController))


def main() -> None:
    """Searches with every strategy and seed, one after another."""
    parser = arguments(__doc__)
    parser.add_argument("--config", default="configs/quickstart_scratch.yaml")
    parser.add_argument("--strategies", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="+", default=[], metavar="OPTION=VALUE")
    given = parser.parse_args()
    seeds = 1 if given.quick else given.seeds
    runs: dict[str, list[dict[str, Any]]] = {}
    for name in given.strategies:
        for seed in range(seeds):
            settings = (f"controller.kind={name}", f"seed={seed}", *given.set)
            found = searched(load_config(ROOT / given.config, settings))
            print(f"{name}, seed {seed}: {found}", flush=True)
            runs.setdefault(name, []).append(found)
    every = [run for one in runs.values() for run in one]
    result = {
        "config": given.config,
        "settings": list(given.set),
        "seeds": seeds,
        "scored": sum(run["scored"] for run in every),
        "over_a_limit": sum(run["over_a_limit"] for run in every),
        "strategies": {name: summed(one) for name, one in runs.items()},
    }
    what = "networks over a limit that were run"
    result["bars"] = [at_most(what, 0, result["over_a_limit"])]
    report(given.out, __doc__, result)


def searched(config: Config) -> dict[str, float]:
    """One search in a directory of its own: what was run, and what was found."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as home, counted() as rows:
        directory = Path(home) / "run"
        document, _ = run_search(config, directory)
        lines = (directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    experiment = prepare(config)
    space, run = experiment.space, np.concatenate(rows)
    # The full network has as many variants as there are poolings.
    largest = np.delete(space.num_choices, space.columns("pooling")) - 1
    is_full = (np.delete(run, space.columns("pooling"), 1) == largest).all(-1)
    run = run[~is_full]
    fits = is_feasible(run, experiment.costs, config.constraints)
    best, baselines = document["points"][0], document["baselines"]
    return {
        "scored": len(fits),
        "over_a_limit": int((~fits).sum()),
        "rejected": document["rejected_before_evaluation"],
        "hypervolume": json.loads(lines[-1])["hypervolume"],
        "score": best["objectives"][document["objectives"][0]],
        "target_mean": target_mean(best),
        "search less random": target_mean(best) - target_mean(baselines["random"]),
        "search less uniform": target_mean(best) - target_mean(baselines["uniform"]),
        "seconds": time.perf_counter() - started,
    }


@contextlib.contextmanager
def counted() -> Iterator[list[np.ndarray]]:
    """The rows that evaluators are given while this is open."""
    rows: list[np.ndarray] = []

    def wrap(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*given: Any) -> Callable[..., Any]:
            run = make(*given)

            def remembered(params: Any, indices: Any, num: Any) -> Any:
                rows.append(np.asarray(indices)[: int(num)])
                return run(params, indices, num)

            return remembered

        return made

    with contextlib.ExitStack() as stack:
        for name in MAKERS:
            wrapped = wrap(getattr(engines, name))
            stack.enter_context(mock.patch.object(engines, name, wrapped))
        yield rows


def summed(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Of every figure the median over seeds, and each seed's."""
    return {
        name: {
            "median": statistics.median(run[name] for run in runs),
            "values": [run[name] for run in runs],
        }
        for name in runs[0]
    }


if __name__ == "__main__":
    main()
