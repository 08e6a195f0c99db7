"""The contract of every search strategy: ask for candidates, tell their scores.

A controller knows nothing of weights, data or limits. Around it, a round runs

1. `ask` with fresh keys until enough candidates satisfy the hard limits;
2. the evaluator on those alone;
3. `tell` with exactly the indices that were asked for and accepted: in their
   order, not canonicalised, none filtered by its score. What is told is then an
   independent sample of the controller's own distribution given feasibility,
   which is what keeps a policy gradient exact.

Before all that, strategies that learn from gradients take steps of their own
(`refine`), on the same held-out data; what they are told teaches them nothing.

Controllers with a single reward (see `scalarise`) do not look for a front: the
front comes from the archive of everything that was evaluated on the way.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.objectives.pareto import Archive
from xlnas_jax.space.cost import CostModel
from xlnas_jax.space.space import SearchSpace

# Each controller has its own pytree; only that controller looks inside.
State = Any
Rows = Int[np.ndarray, "pop site"]
# A mutation rate is not raised above this, however long a search has stood still.
HIGHEST_RATE = 0.5


@struct.dataclass
class Told:
    """What became of candidates that were asked for.

    Attributes:
        indices: flattened choice indices, as they were asked.
        objectives: lower is better; the first is the transfer error, the others
            are costs in their natural units.
        is_valid: False for failed evaluations and for rows that only fill up the
            population; their other fields are never looked at.
        is_drawn: False for rows that `Controller.alter` put in the place of others;
            all were drawn where it is absent.
        is_within: False for rows that are over a limit known only once they were
            scored, whose scores are so much worse; all are within where it is absent.
    """

    indices: Int[Array, "pop site"]
    objectives: Float[Array, "pop obj"]
    is_valid: Bool[Array, " pop"]
    is_drawn: Bool[Array, " pop"] | None = None
    is_within: Bool[Array, " pop"] | None = None


# `(weights, chosen) -> (loss, gradient in weights)`.
RelaxedLoss = Callable[..., tuple[Float[Array, ""], Float[Array, "site choice"]]]


class RelaxedLosses(NamedTuple):
    """The loss of relaxed architectures on one batch of held-out auxiliary data.

    Each function is `(weights, chosen) -> (loss, gradient)`: `weights`, `site choice`,
    are those of every site's choices, in which the gradient is taken; `chosen` is the
    path that a sliced execution runs, see `supernet.relaxed`.

    Attributes:
        plain: with the shared weights as they are.
        unrolled: with the shared weights after one step on source data, through which
            the gradient goes too.
    """

    plain: RelaxedLoss
    unrolled: RelaxedLoss


class Controller(NamedTuple):
    """A search strategy: pure functions of a state, with shapes that never change.

    Attributes:
        init: the state before anything was told.
        ask: `num` (static) flattened architectures drawn from the state; the
            same state may be asked any number of times, with different keys.
        tell: the state after one round's scores.
        summary: what is worth logging of a state.
        is_compiled: False for a strategy that runs on the host, in NumPy; its state
            is a pytree of arrays all the same.
        wants_distinct: candidates that were scored before, with these very weights
            or in the same round, teach it nothing: they need not be scored again.
        learns_from_any: it may be told of candidates that it did not draw, as
            evolution may; a policy gradient may not.
        with_rate: `(state, factor) -> state` that mutates at `factor` times the
            configured rate (see `scaled_rate`), not times the last one: a factor of
            1 restores it. None where the strategy mutates nothing.
        alter: `(state, key, rows) -> rows`, on the host: a full population of
            feasible candidates, in which some may be replaced by other feasible
            ones. They are told as not drawn.
        watch: `(state, archive) -> state`, after a round's candidates are in the
            archive.
        refine: the state after one step along the gradient of the loss of relaxed
            architectures; may be traced. None where the strategy needs no gradient.
    """

    init: Callable[[Key[Array, ""]], State]
    ask: Callable[[State, Key[Array, ""], int], Int[Array, "num site"]]
    tell: Callable[[State, Told], State]
    summary: Callable[[State], dict[str, Float[Array, "..."]]]
    is_compiled: bool = True
    wants_distinct: bool = False
    learns_from_any: bool = False
    with_rate: Callable[[State, Float[Array, ""]], State] | None = None
    alter: Callable[[State, Key[Array, ""], Rows], Rows] | None = None
    watch: Callable[[State, Archive], State] | None = None
    refine: Callable[[State, RelaxedLosses, Key[Array, ""]], State] | None = None

    def compiled(self) -> "Controller":
        """The same, with its functions under `jit` where it allows that."""
        if not self.is_compiled:
            return self
        return self._replace(
            ask=jax.jit(self.ask, static_argnums=2),
            tell=jax.jit(self.tell),
            summary=jax.jit(self.summary),
        )


class Setting(NamedTuple):
    """What the search that a strategy works in looks like.

    Attributes:
        costs: exact costs of every architecture of `costs.space`.
        constraints: the limits that candidates are rejected by.
        num_rounds: how many populations will be told.
        population: candidates of each.
        cost_scale: the full network's cost, for each objective after the first.
        objectives: their names, in the order that they are told.
    """

    costs: CostModel
    constraints: ConstraintsConfig
    num_rounds: int
    population: int
    cost_scale: tuple[float, ...]
    objectives: tuple[str, ...] = ("error",)

    @property
    def space(self) -> SearchSpace:
        """The space searched."""
        return self.costs.space


Family = Literal["control", "gradient", "policy gradient", "evolution", "model-based"]
# What a search must have for a strategy to mean anything in it: several objectives to
# make fronts of, a limit on the size of networks, or a first objective whose gradient
# is that of the loss of relaxed networks.
Need = Literal["several objectives", "size limit", "relaxed networks"]


class Strategy(NamedTuple):
    """One strategy as the registry knows it: how it is made, and what it declares.

    Attributes:
        config: its section of the configuration; `kind` names it.
        make: `(config, setting) -> Controller`.
        learns_from: `nothing`, `scores` of the candidates it asked for, or `gradients`
            of the auxiliary loss by architecture parameters.
        seeks: one `reward` that weighs all objectives, or a `front` of them.
        sees: whether it can know that the best choice at one site depends on another.
        paper: author and year.
        needs: what it makes no sense without.
        min_population: candidates of a round that it needs at least.
    """

    config: type
    make: Callable[[Any, Setting], Controller]
    family: Family
    learns_from: Literal["nothing", "scores", "gradients"]
    seeks: Literal["nothing", "reward", "front"]
    sees: Literal["nothing", "sites alone", "interactions"]
    paper: str
    needs: frozenset[Need] = frozenset()
    min_population: int = 1

    @property
    def kind(self) -> str:
        """Its name in the configuration."""
        return self.config.kind


def no_summary(state: Any) -> dict[str, Float[Array, "..."]]:
    """Of a strategy that has nothing to say beside what it asks."""
    del state
    return {}


def scaled_rate(rate: float, factor: Float[Array, ""]) -> Float[Array, ""]:
    """A mutation rate times a factor, at most `HIGHEST_RATE` or what was configured."""
    return jnp.minimum(rate * factor, max(rate, HIGHEST_RATE))


def usable(told: Told) -> Bool[Array, " pop"]:
    """The rows to learn from: valid ones whose objectives are all finite."""
    return told.is_valid & jnp.isfinite(told.objectives).all(-1)


def scalarise(
    objectives: Float[Array, "pop obj"], cost_scale: Sequence[float], cost_weight: float
) -> Float[Array, " pop"]:
    """Reward `-(error + cost_weight * cost)`, cost being 1 for the full network.

    Attributes of the run, not of the population, set the scale: a reward means
    the same in every round. Several costs are averaged.

    Args:
        cost_scale: the full network's cost, for each objective after the first.
    """
    error, costs = objectives[:, 0], objectives[:, 1:]
    if not cost_scale:
        return -error
    scale = jnp.asarray(cost_scale, objectives.dtype)
    return -(error + cost_weight * (costs / scale[None]).mean(-1))


def choice_mask(num_choices: Sequence[int]) -> Bool[Array, "site choice"]:
    """True where a site has that choice; sites are padded to the longest."""
    sizes = jnp.asarray(num_choices, jnp.int32)
    return jnp.arange(max(num_choices), dtype=jnp.int32)[None] < sizes[:, None]
