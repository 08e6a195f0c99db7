"""Training steps whose networks and FLOPs are known, for benchmarks to time."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.speed.problems import NAME, Problem
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.training.learner import Learner, init_learner
from xlnas_jax.training.methods import base
from xlnas_jax.training.methods.registry import METHODS
from xlnas_jax.training.optimizer import make_optimizer
from xlnas_jax.training.step import make_weight_step, network_of
from xlnas_jax.types import Architecture

NUM_STEPS = 1000
NUM_RANDOM = 2
BACKWARD = 3  # a forward pass and, of every product, the two of its backward pass
# Names of the variants: is every branch rematerialised, is every layer.
SANDWICHES = {
    "sandwich": (True, False),
    "sandwich, remat of layers too": (True, True),
    "sandwich, no remat": (False, False),
}


@dataclasses.dataclass
class RepeatedStep:
    """One weight step, taken again and again from the weights that it left."""

    step: Callable[..., tuple[Learner, jax.Array]]
    learner: Learner
    rest: tuple[Any, ...]
    first_loss: float = math.nan

    def run(self) -> jax.Array:
        """Waits for the weights too: the loss alone is known before they are."""
        self.learner, loss = self.step(self.learner, *self.rest)
        jax.block_until_ready(self.learner)
        return loss


def make_steps(problem: Problem, precision: str) -> dict[str, RepeatedStep]:
    """A step of the full network, and sandwich steps of fixed networks."""
    steps = {"full": make_step(problem, precision, "full", True, False)}
    for name, (branches, layers) in SANDWICHES.items():
        steps[name] = make_step(problem, precision, "sandwich", branches, layers)
    return steps


def make_step_program(
    problem: Problem,
    precision: str,
    kind: str,
    branches: bool,
    layers: bool,
    dropout: float = TrainConfig.dropout,
) -> tuple[Any, Learner, tuple[Any, ...]]:
    """The compiled function of one step, and what it takes."""
    config = TrainConfig(
        num_random=NUM_RANDOM,
        precision=_literal(precision),
        remat=layers,
        dropout=dropout,
    )
    supernet = make_supernet(
        problem.space,
        problem.shape,
        "sliced",
        precision,
        config.dropout,
        remat_branches=branches,
        remat_layers=layers,
    )
    optimizer = make_optimizer(config, problem.params, NUM_STEPS)
    setting = base.Setting(config, network_of(supernet), problem.space, problem.task)
    method = METHODS["finetune" if kind == "full" else kind]
    step = make_weight_step(method, setting, supernet, optimizer, 0, NAME)
    # A step gives its weights away, so that every variant has its own.
    learner = init_learner(jax.tree.map(jnp.copy, problem.params), optimizer)
    rows = jax.tree.map(lambda leaf: leaf[0], problem.batches[0])
    index = jnp.arange(len(rows.length), dtype=jnp.int32)
    return step, learner, (rows, index, rows.weight)


def make_step(
    problem: Problem,
    precision: str,
    kind: str,
    branches: bool,
    layers: bool,
    dropout: float = TrainConfig.dropout,
) -> RepeatedStep:
    """One step, compiled and taken once; `kind` is `full` or `sandwich`."""
    made = make_step_program(problem, precision, kind, branches, layers, dropout)
    repeated = RepeatedStep(*made)
    with fixed_sandwich(problem) as calls:
        # Traced here, with the networks that FLOPs are counted for.
        repeated.first_loss = float(repeated.run())
    if not calls:
        raise RuntimeError("the networks of a sandwich step are drawn elsewhere now")
    return repeated


def _literal(precision: str) -> Any:
    return precision


@contextmanager
def fixed_sandwich(problem: Problem) -> Iterator[list[int]]:
    """Steps traced inside draw the networks of `sandwich_networks`.

    Otherwise the networks of every step would be others, of other FLOPs.
    """
    calls: list[int] = []
    drawn, every = base.networks, sandwich_networks(problem)

    def fixed(space: Any, key: Any, num_random: int) -> Architecture:
        calls.append(num_random)
        return jax.tree.map(lambda leaf: leaf[: 2 + num_random], every)

    base.networks = fixed
    try:
        yield calls
    finally:
        base.networks = drawn


def sandwich_networks(problem: Problem) -> Architecture:
    """Largest, smallest and random networks, as a step would draw them."""
    return base.networks(problem.space, jax.random.key(1), NUM_RANDOM)


def step_flops(problem: Problem) -> dict[str, int]:
    """Matrix products of each step; recomputation is left out."""
    networks = problem.space.flatten(sandwich_networks(problem))
    each = problem.costs(np.asarray(networks))["flops"]
    rows = problem.batches[0].tokens.shape[1]
    full, every = (BACKWARD * rows * int(part.sum()) for part in (each[:1], each))
    return {"full": full, **dict.fromkeys(SANDWICHES, every)}
