"""What does the random control lose where its best is found by successive halving?

Of finished runs: random networks are scored on every dev example with the final
weights. Again and again the examples are cut in two; as many of the networks as the
search evaluated are chosen from on one part, by scoring all of them on all of it, by
halving, or by scoring fewer of them, and the chosen ones are compared on the other,
which played no part. A loss above zero would be a control made weaker.

    xlnas search configs/quickstart_scratch.yaml --run-dir runs/quickstart_scratch
    xlnas search configs/sib200_minilm.yaml --run-dir runs/sib200
    python -m benchmarks.evidence.control runs/quickstart_scratch runs/sib200 \
        --out benchmarks/results/control.json
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from benchmarks.harness import arguments
from benchmarks.reporting import at_most, report
from xlnas_jax.config.evaluate import HalvingConfig
from xlnas_jax.data.batches.blocks import examples_of
from xlnas_jax.evaluation.evaluate import make_row_scorer
from xlnas_jax.evaluation.halving import planned
from xlnas_jax.evaluation.population import (
    SCREEN,
    chunks,
    form_of,
    make_scoring_supernet,
)
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.state import read_data
from xlnas_jax.search.engine import make_engine
from xlnas_jax.storage.rundir import read_config
from xlnas_jax.storage.steps import Checkpoints

NETWORKS = 300
CUTS, DRAWS = 60, 20
CHOSEN_ON = 0.6  # of the examples
# Rungs, or the share of the networks that are scored to the end.
WAYS: dict[str, HalvingConfig | float] = {
    "halving, as the control": SCREEN,
    "halving, eta 8, 2 rungs": HalvingConfig(eta=8, rungs=2),
    "halving, eta 4, 2 rungs": HalvingConfig(eta=4, rungs=2),
    "half the networks": 0.5,
    "a quarter of the networks": 0.25,
}
BAR_POINTS = 0.5


class Scores(NamedTuple):
    """Statistics of networks on examples of several languages, and how many count.

    Attributes:
        metrics: the task's, of sums `network lang stat`.
        evaluated: how many candidates the search scored.
    """

    statistics: np.ndarray
    language: np.ndarray
    metrics: Any
    evaluated: int

    def errors(self, examples: np.ndarray) -> np.ndarray:
        """Mean over languages of each network's error on some examples."""
        language = self.language[examples]
        sums = [
            self.statistics[:, examples[language == own]].sum(1)
            for own in np.unique(self.language)
        ]
        return np.asarray(self.metrics(jnp.asarray(np.stack(sums, 1)))["error"]).mean(1)


def main() -> None:
    """Scores the networks of every run, and chooses among them in every way."""
    parser = arguments(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="finished run directories")
    given = parser.parse_args()
    cuts, draws = (4, 4) if given.quick else (CUTS, DRAWS)
    found, bars = [], []
    for run in given.runs:
        scores = score(run, 40 if given.quick else NETWORKS)
        ways = losses(scores, cuts, draws)
        found.append(
            {
                "run": run.name,
                "networks": len(scores.statistics),
                "evaluated": scores.evaluated,
                "examples": len(scores.language),
                "ways": ways,
            }
        )
        lost = ways[next(iter(WAYS))]["loss"]
        bars.append(at_most(f"points lost by halving, {run.name}", BAR_POINTS, lost))
    result = {"cuts": cuts, "draws": draws, "cases": found, "bars": bars}
    report(given.out, __doc__, result)


def score(run: Path, num: int) -> Scores:
    """Random networks of a finished run on all examples of its first task."""
    experiment = prepare(read_config(run))
    rows, heldout = read_data(experiment)
    _, state = make_engine(experiment, rows, heldout)
    with Checkpoints(run / "checkpoints", 1, False) as saved:
        restored = saved.restore(state)
    if restored is None:
        raise SystemExit(f"{run}: there is no state; the search must be finished.")
    state = restored[1]
    part, batches = experiment.parts[0], heldout[0].batches
    drawn = draw_feasible(experiment, num, "control")
    scorer = make_row_scorer(
        make_scoring_supernet(experiment),
        experiment.space,
        part.task,
        form_of(experiment),
        experiment.config.evaluate.chunk,
    )
    examples = examples_of(batches)
    params = state.learner.params.of_task(part.name)
    found = [
        examples.gather(scorer(params, table, count, batches), count)
        for table, count in chunks(drawn, experiment.config.search.population)
    ]
    statistics = np.concatenate(found)
    evaluated = min(int(state.evaluated), len(drawn) // 2)
    return Scores(statistics, examples.language, part.task.metrics, evaluated)


def losses(scores: Scores, cuts: int, draws: int) -> dict[str, dict[str, float]]:
    """Of each way, what its choice is worse by on examples that it never saw.

    In points of error, with the standard error over cuts, and the share of scoring
    all networks on everything that it takes.
    """
    rng = np.random.default_rng(0)
    num = len(scores.language)
    lost: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(cuts):
        order = rng.permutation(num)
        seen, fresh = np.split(order, [int(CHOSEN_ON * num)])
        judged = scores.errors(fresh)
        known = Partial(scores, seen)
        sums = dict.fromkeys(WAYS, 0.0)
        for _ in range(draws):
            drawn = rng.permutation(len(scores.statistics))[: scores.evaluated]
            best = judged[choose(known, drawn, 1.0)]
            for name, way in WAYS.items():
                sums[name] += judged[choose(known, drawn, way)] - best
        for name, total in sums.items():
            lost[name].append(100 * total / draws)
    return {
        name: {
            "loss": float(np.mean(values)),
            "error": float(np.std(values, ddof=1) / np.sqrt(len(values))),
            "work": work(WAYS[name]),
        }
        for name, values in lost.items()
    }


class Partial:
    """Errors on the first `1 / part` of some examples, computed once for each part."""

    def __init__(self, scores: Scores, examples: np.ndarray) -> None:
        """Nothing is computed yet."""
        self.scores, self.examples = scores, examples
        self.found: dict[int, np.ndarray] = {}

    def __getitem__(self, part: int) -> np.ndarray:
        if part not in self.found:
            shown = self.examples[: max(2, len(self.examples) // part)]
            self.found[part] = self.scores.errors(shown)
        return self.found[part]


def choose(known: Any, drawn: np.ndarray, way: HalvingConfig | float) -> int:
    """The network that is chosen among those drawn."""
    if isinstance(way, float):
        kept = drawn[: max(1, round(way * len(drawn)))]
        return int(kept[known[1][kept].argmin()])
    alive = drawn
    counts = planned(way, len(drawn))
    for rung, count in enumerate(counts[1:]):
        errors = known[way.eta ** (way.rungs - 1 - rung)][alive]
        alive = alive[np.argsort(errors, kind="stable")[:count]]
    return int(alive[known[1][alive].argmin()])


def work(way: HalvingConfig | float) -> float:
    """The share of scoring all networks on everything that a way takes."""
    if isinstance(way, float):
        return way
    total, before = 0.0, 0.0
    for rung in range(way.rungs):
        part = way.eta ** (rung + 1 - way.rungs)
        total += (part - before) / way.eta**rung
        before = part
    return total


if __name__ == "__main__":
    main()
