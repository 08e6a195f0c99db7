"""Does the supernet rank networks as training each of them alone does?

Networks of a table, spread evenly over their cost, are sliced out of the full
network as it is when sub-networks join the training (fine-tuned, heads and neurons
sorted), and each is then fine-tuned alone with the labels of the source language.
Their scores on the table's dev sets are held against the supernet's. High agreement
is often nothing but size: so the same is said of a ranking by parameters, and of
pairs of about the same size.

    python -m benchmarks.evidence.fidelity --out benchmarks/results/fidelity.json
"""

import dataclasses
import json
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import kendalltau, spearmanr

from benchmarks.harness import ROOT, arguments
from benchmarks.reporting import report
from benchmarks.table import load
from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.file import load_config
from xlnas_jax.devices.backend import use_compilation_cache
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.export.apply import apply_subnet_jit
from xlnas_jax.export.finetune import finetune_subnet
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.files import write_json
from xlnas_jax.run.state import read_data
from xlnas_jax.search.engine import make_engine
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.training.places import Places
from xlnas_jax.types import Batch

BINS = 3
TOP = 5
RESAMPLES = 2000


def main() -> None:
    """Trains what was not trained before, and compares the rankings."""
    parser = arguments(__doc__)
    parser.add_argument("--table", default="sib200_minilm.npz")
    parser.add_argument("--config", default="configs/table_sib200.yaml")
    parser.add_argument("--run-dir", type=Path, default=ROOT / "runs" / "fidelity")
    parser.add_argument("--networks", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=110)
    parser.add_argument("--set", nargs="+", default=[], metavar="OPTION=VALUE")
    given = parser.parse_args()
    use_compilation_cache()
    table = load(given.table)
    config = load_config(ROOT / given.config, tuple(given.set))
    chosen = spread(table["flops"], given.networks)
    folder = given.run_dir / f"{given.steps}-steps"
    alone = train_alone(config, table, chosen, given, folder)
    size = table["encoder_params"][chosen].astype(np.float64)
    result: dict[str, Any] = {
        "networks": len(chosen),
        "seeds": given.seeds,
        "steps": given.steps,
        "params": [float(size.min()), float(size.max())],
    }
    num = table["num_examples"].astype(np.float64)
    scores = {"loss": table["loss"], "error": table["errors"] / num[None]}
    supernet = {k: v[chosen].mean(-1).astype(np.float64) for k, v in scores.items()}
    for metric, other in (("loss", "error"), ("error", "loss")):
        result[metric] = compared(supernet[metric], alone[metric], size)
        crossed = tau(supernet[other], alone[metric].mean(0))
        result[metric]["tau_of_other_metric"] = crossed
    report(given.out, __doc__, result)


def spread(costs: np.ndarray, num: int) -> np.ndarray:
    """Positions of as many networks, one drawn from each quantile of cost."""
    rng = np.random.default_rng(0)
    parts = np.array_split(np.argsort(costs, kind="stable"), num)
    return np.asarray([rng.choice(part) for part in parts])


def train_alone(
    config: Config,
    table: dict[str, Any],
    chosen: np.ndarray,
    given: Any,
    folder: Path,
) -> dict[str, np.ndarray]:
    """By metric, `seed network`: means over languages of networks trained alone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(seed, int(n)) for seed in range(given.seeds) for n in chosen]
    missing = [one for one in wanted if not _file(folder, *one).exists()]
    if missing:
        experiment = prepare(config)
        data = read_data(experiment)
        start = warmed_up(experiment, data)
        for number, (seed, position) in enumerate(missing):
            row = table["architectures"][position].astype(np.int32)
            found = alone(experiment, start, row, seed, given.steps, data[1][0])
            write_json(_file(folder, seed, position), found)
            print(f"{number + 1}/{len(missing)}: {found}")
    read = [json.loads(_file(folder, *one).read_text()) for one in wanted]
    shape = given.seeds, len(chosen)
    return {
        metric: np.asarray([one[metric] for one in read]).reshape(shape)
        for metric in ("loss", "error")
    }


def _file(folder: Path, seed: int, position: int) -> Path:
    return folder / f"{seed}-{position}.json"


def warmed_up(experiment: Experiment, data: Any) -> SharedParams:
    """The full network's weights when the sub-networks' training begins."""
    engine, state = make_engine(experiment, *data)
    learner = state.learner
    for number in range(engine.num_warm_up):
        learner, _ = engine.learn(learner, number)
    return learner.params


def alone(
    experiment: Experiment,
    params: SharedParams,
    row: np.ndarray,
    seed: int,
    steps: int,
    heldout: ScoringData,
) -> dict[str, float]:
    """Scores of one network after fine-tuning it by itself."""
    (part,) = experiment.parts
    rate = experiment.config.train.learning_rate
    export = dataclasses.replace(
        experiment.config.export, finetune_steps=steps, finetune_learning_rate=rate
    )
    config = dataclasses.replace(experiment.config, export=export, seed=seed)
    again = dataclasses.replace(experiment, config=config)
    pooling = str(experiment.space.values(row)["pooling"][0])
    sliced = slice_subnet(params.of_task(part.name), experiment.space, row)
    numbers = tuple(number for number, _ in experiment.space.layers(row))
    places = Places(numbers, experiment.shape.num_layers)
    tuned = finetune_subnet(again, part, sliced, pooling, places=places)
    batches = [
        jax.tree.map(operator.itemgetter(step), bucket)
        for bucket in heldout.batches
        for step in range(len(bucket.tokens))
    ]
    sums = sum(summed(experiment, tuned, pooling, batch) for batch in batches)
    columns = [part.roles.all.index(code) for code in part.roles.aux_heldout]
    metrics = part.task.metrics(jnp.asarray(sums)[jnp.asarray(columns)])
    return {name: float(metrics[name].mean()) for name in ("loss", "error")}


def summed(
    experiment: Experiment, params: SubnetParams, pooling: str, batch: Batch
) -> np.ndarray:
    """Statistics of one batch by language."""
    (part,) = experiment.parts
    arrays = batch.tokens, batch.segments, batch.length
    logits = apply_subnet_jit(params, experiment.shape, pooling, *arrays)
    rows = np.asarray(part.task.statistics(logits, batch) * batch.weight[:, None])
    total = np.zeros((len(part.roles.all), rows.shape[1]))
    np.add.at(total, np.asarray(batch.language), rows)
    return total


def compared(
    supernet: np.ndarray, by_seed: np.ndarray, size: np.ndarray
) -> dict[str, Any]:
    """How alike rankings are; all but `regret` are Kendall's tau-b or as named."""
    alone = by_seed.mean(0)
    best, picked = np.argsort(alone)[:TOP], np.argsort(supernet)[:TOP]
    return {
        "tau": tau(supernet, alone),
        "spearman": float(spearmanr(supernet, alone).statistic),
        "tau_of_size": tau(-size, alone),
        "tau_within_bins": within_bins(supernet, alone, size),
        "tau_of_size_within_bins": within_bins(-size, alone, size),
        "tau_between_seeds": tau(by_seed[0], by_seed[1]) if len(by_seed) > 1 else None,
        "top_overlap": len(set(best.tolist()) & set(picked.tolist())) / TOP,
        "regret": float(alone[supernet.argmin()] - alone.min()),
        "spread_alone": float(alone.max() - alone.min()),
        "supernet": supernet.tolist(),
        "alone": by_seed.tolist(),
    }


def tau(one: np.ndarray, other: np.ndarray) -> dict[str, float | None]:
    """Tau-b with a 95 % bootstrap interval over networks; none where all are alike."""
    return resampled(lambda a, b: kendalltau(a, b).statistic, one, other)


def resampled(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    one: np.ndarray,
    other: np.ndarray,
) -> dict[str, float | None]:
    """A statistic of pairs and its 95 % bootstrap interval; none where it is NaN."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(one), size=(RESAMPLES, len(one)))
    values = [statistic(one[rows], other[rows]) for rows in drawn]
    value = float(statistic(one, other))
    if np.isnan(value) or np.isnan(values).all():
        return dict.fromkeys(("value", "low", "high"))
    low, high = np.nanquantile(values, (0.025, 0.975))
    return {"value": value, "low": float(low), "high": float(high)}


def within_bins(one: np.ndarray, other: np.ndarray, size: np.ndarray) -> float:
    """Mean tau-b over bins of networks of similar size."""
    parts = np.array_split(np.argsort(size, kind="stable"), BINS)
    return float(np.mean([kendalltau(one[p], other[p]).statistic for p in parts]))


if __name__ == "__main__":
    main()
