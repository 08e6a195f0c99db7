"""Which score of a network before it is trained alone predicts the one after?

Of finished searches that had a teacher: random networks of about one size are scored
as they are cut from the shared weights, with their norms fitted to the teacher's, and
after few steps of the training that finalists get; then they are trained to its end,
and scored on auxiliary dev data, as the search would, and on auxiliary test data,
which no score before has seen. Beside the first steps of that training stand short
ones that end, at rates of their own (`--tunings STEPSxRATExROWS`). Targets take no part
in it. What was measured is kept in the run directory: started again it goes on.

    python -m benchmarks.evidence.ranking runs/sib200_e5-s0 runs/sib200_e5-s1 \
        runs/sib200_e5-s2 --out benchmarks/results/ranking.json
"""

import dataclasses
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.evidence.fidelity import tau
from benchmarks.evidence.refit import make_refit
from benchmarks.evidence.restored import Restored, restore
from benchmarks.harness import arguments
from benchmarks.reporting import report
from xlnas_jax.evaluation.population import make_scoring_supernet
from xlnas_jax.evaluation.predictions import make_predictor
from xlnas_jax.experiment.arrays import scoring_data
from xlnas_jax.experiment.draws import distinct
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.files import write_json
from xlnas_jax.results.finalists.contenders import told
from xlnas_jax.results.finish import Rescore
from xlnas_jax.results.scoring import score_predictions
from xlnas_jax.search.alone import make_train_alone
from xlnas_jax.supernet.params import SharedParams

# After so many of the steps of finalists' training they are scored on the way.
STOPS = (10, 20, 40)
# Networks of one size have between so much of a share of the FLOPs, and all of it.
NARROW = 0.9
RIDGE, FOLDS = 1.0, 4
METRICS = ("error", "divergence")


class Tuning(NamedTuple):
    """A short training of its own: how many steps, at which rate, of how many rows.

    Of the rate it holds what `finalists.rate_exponent` says; of rows there are as many
    as of finalists if None.
    """

    steps: int
    rate: float
    rows: int | None = None

    def __str__(self) -> str:
        rows = "" if self.rows is None else f"x{self.rows}"
        return f"{self.steps}x{self.rate:g}{rows}"


# The last is what `configs/sib200_e5.yaml` ranks by.
TUNINGS = (Tuning(10, 2e-4), Tuning(20, 2e-4), Tuning(20, 2e-4, 16))


def tuning(text: str) -> Tuning:
    """From `10x2e-4` or `20x2e-4x16`."""
    steps, rate, *rows = text.split("x")
    return Tuning(int(steps), float(rate), *map(int, rows))


def main() -> None:
    """Measures what is missing, and compares the rankings."""
    parser = arguments(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="finished run directories")
    parser.add_argument("--networks", type=int, default=24)
    parser.add_argument("--shares", type=float, nargs="+", default=[1 / 4])
    parser.add_argument("--start", choices=("shared", "teacher"), default="shared")
    parser.add_argument("--steps", type=int, help="that finalists take, if not given")
    parser.add_argument("--tunings", nargs="*", default=list(TUNINGS), type=tuning)
    given = parser.parse_args()
    count = 3 if given.quick else given.networks
    sizes = {told(share): [] for share in given.shares}
    for run in given.runs:
        restored = restore(run)
        steps = given.steps or restored.experiment.config.finalists.steps
        tunings = given.tunings[: 1 if given.quick else None]
        measure = make_measure(restored, given.start, steps, tunings)
        for share in given.shares:
            which = [given.start, str(steps), told(share)[2:], *map(str, tunings)]
            folder = run / "ranking" / "-".join(which)
            rows = draw(restored.experiment, share, count)
            found = [_kept(folder, n, measure, row) for n, row in enumerate(rows)]
            features = np.stack([_features(restored.experiment, row) for row in rows])
            seed = restored.experiment.config.seed
            sizes[told(share)].append({"seed": seed, **compared(found, features)})
    result = {
        "networks": count,
        "start": given.start,
        "sizes": {
            size: {"tau": means(runs), "runs": runs} for size, runs in sizes.items()
        },
    }
    report(given.out, __doc__, result)


def draw(experiment: Experiment, share: float, count: int) -> np.ndarray:
    """Different random networks of about a share of the full network's FLOPs."""
    space = experiment.space
    most = experiment.costs.flops_of_share(share)
    sample = jax.jit(lambda key: space.flatten(space.sample(key, 4096)))
    rows = np.zeros((0, len(space.num_choices)), np.int32)
    for number in range(64):
        drawn = np.asarray(sample(jax.random.key(number)))
        flops = experiment.costs.counted(drawn)["flops"]
        near = drawn[(flops <= most) & (flops >= NARROW * most)]
        rows = distinct(experiment, np.concatenate([rows, near]))
        if len(rows) >= count:
            return rows[:count]
    raise SystemExit(f"there are only {len(rows)} networks of a share of {share:.3g}")


def make_measure(
    restored: Restored, start: str, steps: int, tunings: Sequence[Tuning]
) -> Callable[[np.ndarray], dict[str, Any]]:
    """Builds `row -> values and seconds by signal`."""
    experiment, engine, state, rows, _, teacher = restored
    params = teacher if start == "teacher" else state.learner.params
    whole = dataclasses.replace(
        experiment.config.finalists, steps=steps, steps_exponent=0.0
    )
    train = make_train_alone(experiment, rows, whole)
    short = {
        f"tuned {one}": make_train_alone(
            experiment,
            rows,
            dataclasses.replace(
                whole,
                steps=one.steps,
                learning_rate=one.rate,
                batch_size=one.rows or whole.batch_size,
            ),
        )
        for one in tunings
    }
    refit = make_refit(experiment, rows, teacher)
    (part,) = experiment.parts
    test = scoring_data(experiment, part, part.roles.aux_heldout, "test", "report")
    supernet = make_scoring_supernet(experiment)
    predict = make_predictor(supernet, experiment.space, part.task)

    def score(params: SharedParams, row: np.ndarray) -> dict[str, float]:
        # As they are: a search that tunes what it scores would train them further.
        scored = Rescore(experiment, engine, params, as_is=True)(row[None])
        found = scored.metrics[0]
        count = len(part.roles.aux_heldout)
        return {
            "error": float(found["error"][0, :count].mean()),
            "divergence": float(found["divergence"][0].mean()),
        }

    def measure(row: np.ndarray) -> dict[str, Any]:
        begun = time.perf_counter()
        values = {"as cut": score(params, row)}
        seconds = {"as cut": time.perf_counter() - begun}
        begun = time.perf_counter()
        values["norms refitted"] = score(refit(params, row), row)
        seconds["norms refitted"] = time.perf_counter() - begun
        for name, tune in short.items():
            begun = time.perf_counter()
            values[name] = score(tune(params, row), row)
            seconds[name] = time.perf_counter() - begun
        spent, begun = 0.0, time.perf_counter()

        def watch(done: int, trained: SharedParams) -> None:
            nonlocal spent, begun
            if done not in STOPS:
                return
            jax.block_until_ready(trained)
            spent += time.perf_counter() - begun
            begun = time.perf_counter()
            name = f"{done} steps"
            values[name] = score(trained, row)
            seconds[name] = spent + time.perf_counter() - begun
            begun = time.perf_counter()

        trained = train(params, row, watch)
        values["trained"] = score(trained, row)
        said = predict(trained.of_task(part.name), row, test.batches)
        found = score_predictions(part.task, test, said)
        errors = [1.0 - one.metrics[part.task.primary] for one in found]
        values["tested"] = {"error": float(np.mean(errors))}
        return {"values": values, "seconds": seconds}

    return measure


def _kept(
    folder: Path, number: int, measure: Callable[..., dict[str, Any]], row: np.ndarray
) -> dict[str, Any]:
    """What was measured of a network, now or before."""
    file = folder / f"{number}.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(file, {"row": row.tolist(), **measure(row)})
    found = json.loads(file.read_text(encoding="utf-8"))
    if found["row"] != row.tolist():
        raise SystemExit(f"{file}: is of another network; remove {folder}")
    return found


def _features(experiment: Experiment, row: np.ndarray) -> np.ndarray:
    """What a predictor reads of a network: shares of every choice."""
    return row / np.maximum(np.asarray(experiment.space.num_choices) - 1, 1)


def compared(found: list[dict[str, Any]], features: np.ndarray) -> dict[str, Any]:
    """Of every signal: Kendall's tau-b with both scores after training, and its cost.

    The regret is what the best network by a signal has more of the first score than
    the best of all.
    """
    truths = {
        **{m: _column(found, "trained", m) for m in METRICS},
        "tested error": _column(found, "tested", "error"),
    }
    result: dict[str, Any] = {
        "spread": {n: np.ptp(t).item() for n, t in truths.items()}
    }
    signals = {}
    for name in found[0]["seconds"]:
        seconds = statistics.median(one["seconds"][name] for one in found)
        for metric in METRICS:
            values = _column(found, name, metric)
            signals[f"{metric}, {name}"] = values, seconds
        apart = _column(found, name, "divergence")
        fold = _predicted(features, apart, truths["divergence"])
        signals[f"predictor with divergence, {name}"] = fold, seconds
    result["signals"] = {
        name: {
            "seconds": seconds,
            "tau": {truth: tau(values, own) for truth, own in truths.items()},
            "regret": {
                truth: float(own[values.argmin()] - own.min())
                for truth, own in truths.items()
            },
        }
        for name, (values, seconds) in signals.items()
    }
    result["agreement"] = tau(truths["divergence"], truths["tested error"])
    result["networks"] = found
    return result


def _column(found: list[dict[str, Any]], signal: str, metric: str) -> np.ndarray:
    return np.asarray([one["values"][signal][metric] for one in found])


def _predicted(
    features: np.ndarray, signal: np.ndarray, truth: np.ndarray
) -> np.ndarray:
    """Ridge regression on architecture and a signal, on networks it was not shown."""
    centred = (signal - signal.mean()) / (signal.std() or 1.0)
    inputs = np.concatenate([features, centred[:, None], np.ones((len(truth), 1))], 1)
    found = np.zeros(len(truth))
    for fold in range(min(FOLDS, len(truth))):
        out = np.arange(len(truth)) % FOLDS == fold
        known, target = inputs[~out], truth[~out]
        square = known.T @ known + RIDGE * np.eye(inputs.shape[1])
        found[out] = inputs[out] @ np.linalg.solve(square, known.T @ target)
    return found


def means(runs: list[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Of every signal, the mean tau over runs, by truth."""

    def mean(name: str, truth: str) -> float | None:
        every = [run["signals"][name]["tau"][truth]["value"] for run in runs]
        known = [value for value in every if value is not None]
        return float(np.mean(known)) if known else None

    return {
        name: {truth: mean(name, truth) for truth in one["tau"]}
        for name, one in runs[0]["signals"].items()
    }


if __name__ == "__main__":
    main()
