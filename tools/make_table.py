"""Scores every architecture of a small space: a table for comparing strategies.

A supernet is trained as in a search; then each of its networks is scored on the dev
sets of all auxiliary languages of the configuration. What is done is kept in the run
directory, so that a killed run goes on, and that further languages can be added to a
table, scored with the very same weights:

    python tools/make_table.py configs/table_sib200.yaml --out FILE.npz
    python tools/make_table.py configs/table_sib200.yaml --out FILE.npz --add fi tr
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.environment import environment  # noqa: E402
from benchmarks.search.trained import train  # noqa: E402
from xlnas_jax.config.config import Config  # noqa: E402
from xlnas_jax.config.reading.file import load_config, to_mapping  # noqa: E402
from xlnas_jax.experiment.parts import Experiment  # noqa: E402
from xlnas_jax.experiment.prepare import prepare  # noqa: E402
from xlnas_jax.run.run import use_compilation_cache  # noqa: E402
from xlnas_jax.run.state import read_data  # noqa: E402
from xlnas_jax.search.engine import make_engine  # noqa: E402
from xlnas_jax.search.search import Engine  # noqa: E402
from xlnas_jax.space.every import every_architecture  # noqa: E402
from xlnas_jax.training.learner import Learner  # noqa: E402

COSTS = ("params", "encoder_params", "flops", "memory_bytes")


def main() -> None:
    """Trains, scores and writes one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--run-dir", type=Path, default=ROOT / "runs" / "table")
    parser.add_argument("--add", nargs="+", metavar="LANGUAGE", default=[])
    parser.add_argument("--set", nargs="+", default=[], metavar="OPTION=VALUE")
    given = parser.parse_args()
    use_compilation_cache()
    config = load_config(given.config, tuple(given.set))
    learner = train(config, given.run_dir)
    wanted = with_languages(config, tuple(given.add)) if given.add else config
    table = score_every(prepare(wanted), learner, given.run_dir)
    if given.add:
        table = joined(dict(np.load(given.out)), table)
    table["provenance"] = np.asarray(json.dumps(provenance(config, given.config)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(given.out, allow_pickle=False, **table)
    size = given.out.stat().st_size / 1e6
    shape = " x ".join(map(str, table["errors"].shape))
    print(f"{given.out}: {shape} scores, {size:.2f} MB")


def with_languages(config: Config, codes: tuple[str, ...]) -> Config:
    """The same experiment with other languages to score."""
    assert config.languages is not None, "a table is of one task"
    languages = dataclasses.replace(config.languages, aux_heldout=codes)
    return dataclasses.replace(config, languages=languages)


def score_every(
    experiment: Experiment, learner: Learner, run_dir: Path
) -> dict[str, np.ndarray]:
    """Columns of the table; blocks that were scored before are read."""
    (part,), config = experiment.parts, experiment.config
    rows = every_architecture(experiment.space)
    size, codes = config.search.population, part.roles.aux_heldout
    done = run_dir / ("blocks-" + "-".join(codes))
    done.mkdir(parents=True, exist_ok=True)
    engine, _ = make_engine(experiment, *read_data(experiment))
    found = []
    with Progress() as bar:
        starts = range(0, len(rows), size)
        for start in bar.track(starts, description=f"{len(rows):,} networks"):
            path = done / f"{start}.npy"
            if not path.exists():
                block = rows[start : start + size]
                np.save(path, scored(engine, learner, block, size))
            found.append(np.load(path))
    sums = np.concatenate(found)
    num = sums[0, :, 0]
    metrics = {k: np.asarray(v) for k, v in part.task.metrics(sums).items()}
    costs = experiment.costs(rows)
    knobs = [dataclasses.asdict(knob) for knob in experiment.space.knobs]
    return {
        "architectures": rows.astype(np.uint8),
        "languages": np.asarray([part.codes[code] for code in codes]),
        "num_examples": num.astype(np.uint16),
        "errors": np.rint(metrics["error"] * num[None]).astype(np.uint16),
        "loss": metrics["loss"].astype(np.float32),
        "knobs": np.asarray(json.dumps(knobs)),
        "cost_model": np.asarray(json.dumps(cost_model(experiment))),
        **{name: costs[name] for name in COSTS},
    }


def cost_model(experiment: Experiment) -> dict[str, Any]:
    """What costs are counted from."""
    costs = experiment.costs
    return {
        "shape": costs.shape.as_dict(),
        "heads": [head._asdict() for head in costs.heads],
        "length": costs.length,
        "batch_size": costs.batch_size,
        "min_layers": costs.space.min_layers,
    }


def scored(
    engine: Engine, learner: Learner, block: np.ndarray, size: int
) -> np.ndarray:
    """Statistics of up to `size` networks by language."""
    padded = np.pad(block, ((0, size - len(block)), (0, 0)))
    found = engine.score(learner.params, padded, len(block))
    return np.asarray(found.statistics[0])[: len(block)]


def joined(
    old: dict[str, np.ndarray], new: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The old table with the new one's languages beside its own."""
    if not np.array_equal(old["architectures"], new["architectures"]):
        raise SystemExit("--add: the table is of other architectures; make it anew.")
    again = set(old["languages"]) & set(new["languages"])
    if again:
        raise SystemExit(f"--add: the table has {sorted(again)} already.")
    by_language = ("languages", "num_examples", "errors", "loss")
    return old | {k: np.concatenate([old[k], new[k]], axis=-1) for k in by_language}


def provenance(config: Config, path: Path) -> dict[str, Any]:
    """What the table was made from and with."""
    return {
        "command": f"python tools/make_table.py {path}",
        "config": to_mapping(config),
        "environment": environment(),
    }


if __name__ == "__main__":
    main()
