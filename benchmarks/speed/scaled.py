"""Scores a population and takes weight steps on some devices, for `scaling.py`.

Started in a process of its own, since the number of devices is fixed when JAX
starts; or as several, which then do it together.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.speed.communication import traffic
from benchmarks.speed.problems import NAME, Problem, make_problem
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.devices.joining import joined
from xlnas_jax.devices.processes import is_first
from xlnas_jax.devices.sharding import (
    local,
    make_layout,
    make_mesh,
    place,
    replicate,
    shard_steps,
)
from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.training.learner import init_learner
from xlnas_jax.training.methods.base import Setting
from xlnas_jax.training.methods.registry import METHODS
from xlnas_jax.training.optimizer import make_optimizer
from xlnas_jax.training.step import make_weight_step, network_of

STEPS = 2
NUM_RANDOM = 2


def main() -> None:
    """Writes arrays to compare as `.npz`, and facts as `.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", required=True, help="JSON of its arguments")
    parser.add_argument("--devices", required=True, help="JSON of its options")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with joined():
        problem = make_problem(**json.loads(given.problem))
        config = DevicesConfig(**json.loads(given.devices))
        arrays, scoring = score(problem, config, given.repeats)
        weights, training = take_steps(problem, config)
        if is_first():
            np.savez(given.out.with_suffix(".npz"), **arrays, **weights)
            facts = {"scoring": scoring, "weight_step": training}
            given.out.with_suffix(".json").write_text(json.dumps(facts))


def score(
    problem: Problem, config: DevicesConfig, repeats: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Sums and errors of every candidate; seconds, and bytes of one device."""
    mesh = make_mesh(config)
    params = place(mesh, problem.params, config.fsdp).of_task(NAME)
    batches = shard_steps(mesh, problem.batches)
    supernet = make_supernet(problem.space, problem.shape, "sliced")
    evaluator = make_evaluator(
        supernet,
        problem.space,
        problem.task,
        1,
        mesh=mesh,
        work=problem.costs.stages(),
    )
    num = len(problem.indices)
    seconds = []
    with texts() as compiled:
        for _ in range(1 + repeats):
            start = time.perf_counter()
            sums = np.asarray(evaluator(params, problem.indices, num, batches))
            seconds.append(time.perf_counter() - start)
    metrics = problem.task.metrics(jnp.asarray(sums))
    arrays = {"sums": sums, "error": np.asarray(metrics["error"])[:, 0]}
    facts = {
        "seconds": statistics.median(seconds[1:]),
        **sent(compiled, mesh.size),
        "weights_bytes_per_device": bytes_on_first(params),
    }
    return arrays, facts


def take_steps(
    problem: Problem, config: DevicesConfig
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Losses and weights after a few sandwich steps; bytes of one device."""
    mesh = make_mesh(config)
    options = TrainConfig(num_random=NUM_RANDOM)
    supernet = make_supernet(
        problem.space,
        problem.shape,
        "sliced",
        dropout=options.dropout,
        remat_branches=True,
    )
    optimizer = make_optimizer(options, problem.params, 100)
    setting = Setting(options, network_of(supernet), problem.space, problem.task)
    layout = make_layout(mesh, config.fsdp)
    step = make_weight_step(
        METHODS["sandwich"], setting, supernet, optimizer, 0, NAME, layout
    )
    params = place(mesh, problem.params, config.fsdp)
    learner = place(mesh, init_learner(params, optimizer), config.fsdp)
    rows = replicate(mesh, jax.tree.map(lambda leaf: leaf[0], problem.batches[0]))
    index = np.arange(len(rows.length), dtype=np.int32)
    weight = np.ones(len(index), np.float32)
    held = bytes_on_first(learner)
    losses = []
    with texts() as compiled:
        for _ in range(STEPS):
            learner, loss = step(learner, rows, index, weight)
            losses.append(float(loss))
    leaves = [
        np.asarray(leaf).ravel() for leaf in jax.tree.leaves(local(learner.params))
    ]
    arrays = {"losses": np.asarray(losses), "weights": np.concatenate(leaves)}
    facts = {**sent(compiled, mesh.size), "learner_bytes_per_device": held}
    return arrays, facts


class texts:
    """Texts of the programs that are compiled while it is open, largest last."""

    def __enter__(self) -> list[str]:
        """Wraps the function by which JAX compiles."""
        from jax._src import compiler

        self.found: list[str] = []
        self.compile = compiler.compile_or_get_cached

        def compile_and_keep(*given: Any, **named: Any) -> Any:
            executable = self.compile(*given, **named)
            self.found.extend(m.to_string() for m in executable.hlo_modules())
            self.found.sort(key=len)
            return executable

        compiler.compile_or_get_cached = compile_and_keep
        return self.found

    def __exit__(self, *_: object) -> None:
        """Unwraps it."""
        from jax._src import compiler

        compiler.compile_or_get_cached = self.compile


def sent(compiled: list[str], num_devices: int) -> dict[str, Any]:
    """What the largest of the programs makes each device send."""
    found = traffic(compiled[-1])
    assert found.is_complete, "a collective stands in a loop of unknown length"
    return {
        "bytes_per_device": found.total,
        "bytes_of_all": found.total * num_devices,
        "bytes_by_collective": found.bytes,
        "collectives": found.num,
    }


def bytes_on_first(tree: Any) -> int:
    """What the first of this process's devices holds of a tree."""
    first = jax.local_devices()[0]
    return sum(
        shard.data.nbytes
        for leaf in jax.tree.leaves(tree)
        for shard in leaf.addressable_shards
        if shard.device == first
    )


if __name__ == "__main__":
    sys.exit(main())
