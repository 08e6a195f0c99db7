"""A table as a search problem: the space, its costs, and scores that are looked up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xlnas_jax.config.controller import AnyController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.controllers.base import Controller, Setting, Told
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.objectives.pareto import hypervolume, nondominated
from xlnas_jax.search.adapt import Adapt
from xlnas_jax.search.propose import make_propose
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.knob import Knob
from xlnas_jax.supernet.chain import space_of
from xlnas_jax.supernet.families.registry import shape_from

MOST_ROUNDS = 100_000
# So many times the rounds planned, while a strategy asks for what it knows.
PATIENCE = 4
# `(state, number) -> state`; the number is another for every round of every seed.
Refine = Callable[[Any, int], Any]


@dataclass(frozen=True, eq=False)
class Problem:
    """Two objectives over every network of a space, and a hard limit.

    Attributes:
        rows: canonical choice indices of every network.
        objectives: transfer score and cost of each; lower is better.
        heldout: the transfer score in languages that no strategy is told of.
        fits: True where the limit is kept.
        cost: name of the second objective.
    """

    costs: CostModel
    constraints: ConstraintsConfig
    rows: np.ndarray
    objectives: np.ndarray
    heldout: np.ndarray
    fits: np.ndarray
    cost: str

    @property
    def best(self) -> float:
        """The lowest transfer score within the limit."""
        return float(self.objectives[self.fits, 0].min())

    @property
    def reference(self) -> np.ndarray:
        """The worst feasible value of each objective."""
        return self.objectives[self.fits].max(0)

    def volume(self, objectives: np.ndarray) -> float:
        """Share of the true front's hypervolume that these points dominate."""
        return self._volume(objectives) / self._volume(self.objectives[self.fits])

    def _volume(self, objectives: np.ndarray) -> float:
        scale = self.reference - self.objectives[self.fits].min(0)
        return hypervolume(objectives / scale, self.reference / scale)

    def front(self) -> np.ndarray:
        """Positions of the networks on the true front."""
        found = nondominated(jnp.asarray(self.objectives), jnp.asarray(self.fits))
        return np.flatnonzero(np.asarray(found))


def make_problem(
    table: dict[str, Any],
    metric: str = "error",
    cost: str = "flops",
    limit: float = 0.5,
    seen: tuple[str, ...] = (),
) -> Problem:
    """The problem of a table, with a limit on encoder parameters.

    Args:
        metric: `error` or `loss`, the mean over languages.
        limit: as a share of the full network's encoder parameters.
        seen: languages that are searched on; all where none are named.
    """
    knobs = tuple(
        Knob(**{**knob, "choices": tuple(knob["choices"])}) for knob in table["knobs"]
    )
    given = table["cost_model"]
    costs = CostModel(
        space_of(knobs, given["min_layers"]),
        shape_from(given["shape"]),
        tuple(HeadSize(**head) for head in given["heads"]),
        given["length"],
        given["batch_size"],
    )
    rows = table["architectures"].astype(np.int32)
    counted = costs(rows)
    assert np.array_equal(counted[cost], table[cost]), "costs are counted as before"
    scores = table["loss"].astype(np.float64)
    if metric == "error":
        scores = table["errors"] / table["num_examples"].astype(np.float64)
    codes = [str(code) for code in table["languages"]]
    is_seen = np.asarray([not seen or code in seen for code in codes])
    objectives = np.stack([scores[:, is_seen].mean(-1), counted[cost]], -1)
    most = float(limit * counted["encoder_params"].max())
    constraints = ConstraintsConfig(encoder_params=most)
    return Problem(
        costs,
        constraints,
        rows,
        objectives,
        scores[:, ~is_seen].mean(-1) if not is_seen.all() else objectives[:, 0],
        is_feasible(rows, costs, constraints),
        cost,
    )


def make_runner(
    problem: Problem,
    config: AnyController,
    evaluations: int,
    population: int,
    refiner: Callable[[Controller], Refine] | None = None,
    adapt: Adapt | None = None,
) -> Callable[[int], np.ndarray]:
    """`seed -> positions` of the networks that a strategy evaluates, in its order.

    Each is counted once: looking a network up a second time is free, as scoring it
    again with the same weights would be. A strategy that finds nothing new for many
    rounds ends early.

    Args:
        refiner: what a strategy learns before each round, where it learns by gradients.
        adapt: the part of the space that is searched; all of it if none. A table says
            nothing of alignment, so that its bounds stay where they begin.
    """
    rounds = -(-evaluations // population)
    full = float(problem.objectives[:, 1].max())
    names = "error", problem.cost
    costs, limits = problem.costs, problem.constraints
    setting = Setting(costs, limits, rounds, population, (full,), names)
    controller = make_controller(config, setting).compiled()
    search = SearchConfig(population=population)
    propose = make_propose(controller, costs, limits, search, _key, adapt=adapt)
    part = adapt.init() if adapt is not None else None
    refine = refiner(controller) if refiner else lambda state, number: state
    where = {row.tobytes(): i for i, row in enumerate(problem.rows)}

    def run(seed: int) -> np.ndarray:
        state = controller.init(_key(seed * MOST_ROUNDS))
        met: dict[int, None] = {}
        for number in range(1, PATIENCE * rounds):
            state = refine(state, seed * PATIENCE * rounds + number)
            proposal = propose(state, seed * MOST_ROUNDS + number, part)
            canonical = costs.space.canonical(proposal.indices).astype(np.int32)
            found = np.asarray([where.get(row.tobytes(), 0) for row in canonical])
            is_meant = np.arange(len(found)) < proposal.num
            told = Told(
                jnp.asarray(proposal.indices, jnp.int32),
                jnp.asarray(problem.objectives[found], jnp.float32),
                jnp.asarray(is_meant),
            )
            state = controller.tell(state, told)
            met.update(dict.fromkeys(found[is_meant].tolist()))
            if len(met) >= evaluations:
                break
        return np.asarray(list(met), np.int64)[:evaluations]

    return run


def _key(number: int) -> Any:
    return jax.random.key(number)
