"""The likeliest architecture within all limits, by exact dynamic programming.

A strategy that holds a distribution over choices ends with its likeliest network. The
likeliest choice of every site by itself may break a limit; here all limits are part of
the search for it, which is exact.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.space.constraints import is_feasible, limits
from xlnas_jax.space.cost import FLOAT_BYTES, CostModel
from xlnas_jax.space.knapsack import Knapsack, Solution, solve
from xlnas_jax.space.latency import LATENCY
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.types import ArchitectureError

Decode = Callable[[Float[np.ndarray, "site choice"]], Int[np.ndarray, " site"]]
# Choices less likely than e to this power are all alike.
LEAST = -1e5
# Of a latency limit that a network turned out to exceed, what is tried next.
_TIGHTER = 0.98
_MAX_TIGHTER = 100
# More than anything costs, and small enough to be added to.
_ENDLESS = 2**60


class _Room(NamedTuple):
    """What one pooling, and a limit on the activations of a layer, leave over.

    Attributes:
        options: of a layer, as positions in the flattened pairs of heads and inner
            width; only those whose activations are within the limit.
    """

    pooling: int
    options: Int[np.ndarray, " option"]
    budget: dict[str, int]


def make_decode(costs: CostModel, constraints: ConstraintsConfig) -> Decode:
    """Builds `log_probs -> architecture`: the likeliest within all limits.

    The given log-probabilities are those of every choice at every site (padded to
    the most choices; what a site lacks is never looked at). Their sum over all sites
    is maximised, as it would be by a policy that draws them independently: choices
    in a skipped layer count too, and are the likeliest.

    Latency is limited by its table. Where that is not trusted, its limit is made
    tighter until the network that is found was measured to be within it.

    The function raises `ArchitectureError` where no architecture is within all
    limits.
    """
    space = costs.space
    planned = costs.planned()

    def decode(log_probs: Float[np.ndarray, "site choice"]) -> Int[np.ndarray, " site"]:
        scores = np.maximum(np.asarray(log_probs, np.float64), LEAST)
        if np.isnan(scores).any():
            raise ValueError(
                f"log_probs: must be numbers; got NaN at sites "
                f"{np.unique(np.argwhere(np.isnan(scores))[:, 0]).tolist()}."
            )
        given = limits(constraints)
        for _ in range(_MAX_TIGHTER):
            row = _likeliest(space, planned, given, scores)
            if row is None:
                break
            if is_feasible(row[None], costs, constraints)[0]:
                return row
            assert LATENCY in given, "all other limits are exact"
            given[LATENCY] *= _TIGHTER
        raise ArchitectureError(
            f"constraints: no architecture of the space is within all of "
            f"{limits(constraints)}. The smallest possible values are "
            f"{planned.smallest()}. Raise a limit, or add smaller choices to the space."
        )

    return decode


def make_repair(
    costs: CostModel, constraints: ConstraintsConfig
) -> Callable[[Int[np.ndarray, " site"]], Int[np.ndarray, " site"]]:
    """Builds `architecture -> architecture`: the nearest within all limits.

    Near means few changes: from a knob's first to its last choice is 1, for ordered
    knobs a step between is a share of that. What is within the limits stays as it is.

    The function raises `ArchitectureError` where no architecture is within all
    limits.
    """
    space = costs.space
    decode = make_decode(costs, constraints)
    choices = np.arange(max(space.num_choices), dtype=np.float64)[None]

    def repair(row: Int[np.ndarray, " site"]) -> Int[np.ndarray, " site"]:
        distance = np.abs(choices - np.asarray(row)[:, None])
        for knob in space.knobs:
            sites = space.columns(knob.name)
            most = max(len(knob.choices) - 1, 1) if knob.is_ordered else 1
            distance[sites] = np.minimum(distance[sites] / most, 1.0)
        return decode(-distance)

    return repair


def _likeliest(
    space: SearchSpace,
    costs: CostModel,
    given: dict[str, float],
    scores: Float[np.ndarray, "site choice"],
) -> Int[np.ndarray, " site"] | None:
    """The best over all rooms; those with the best outlook come first."""
    values = space.knob("keep").choices
    keep, pairs = scores[space.columns("keep")], _pair_scores(space, scores)
    kept = keep[:, [values.index(1)]] + pairs
    skipped = keep[:, :0]
    if 0 in values:
        skipped = keep[:, [values.index(0)]] + pairs.max(-1, keepdims=True)
    pooling = scores[space.columns("pooling").start]
    found = []
    for room in _rooms(costs, given):
        layers = np.concatenate([skipped, kept[:, room.options]], -1)
        base = float(pooling[room.pooling])
        found.append((base + float(layers.max(-1).sum()), base, layers, room))
    best, chosen, best_score = None, None, -np.inf
    for outlook, base, layers, room in sorted(found, key=lambda one: -one[0]):
        if outlook <= best_score:
            break
        problem = Knapsack(layers, *_layer_costs(costs, room, 0 in values))
        solution = solve(problem, best_score - base)
        if solution is not None:
            best, chosen, best_score = solution, room, base + solution.score
    if best is None or chosen is None:
        return None
    return _to_row(space, best, chosen, pairs)


def _pair_scores(
    space: SearchSpace, scores: Float[np.ndarray, "site choice"]
) -> Float[np.ndarray, "layer pair"]:
    """Of every layer, for each of its heads with each of its inner widths."""
    heads, ffn = (
        scores[space.columns(name), : len(space.knob(name).choices)]
        for name in ("heads", "ffn")
    )
    return (heads[:, :, None] + ffn[:, None]).reshape(len(heads), -1)


def _rooms(costs: CostModel, given: dict[str, float]) -> Iterator[_Room]:
    """One for each pooling and, where memory is limited, each most in a layer.

    Memory holds the largest of the layers' activations. With that bounded from above,
    what is left of its limit bounds a sum, as all other limits do.
    """
    layer, fixed = costs.parts()
    peaks = layer["peak_bytes"].reshape(-1)
    memory = given.get("memory_bytes", np.inf)
    caps = peaks.max(keepdims=True) if np.isinf(memory) else np.unique(peaks)
    for pooling in range(len(costs.space.knob("pooling").choices)):
        budget = {"layers": -costs.space.min_layers}
        if "flops" in given:
            budget["flops"] = int(given["flops"]) - int(fixed["flops"][pooling])
        if LATENCY in given:
            assert costs.latency is not None
            most = costs.latency.budget(given[LATENCY])
            budget["latency_ns"] = most - int(fixed["latency_ns"][pooling])
        for cap in caps:
            params = min(
                given.get("encoder_params", np.inf),
                given.get("params", np.inf) - fixed["params"][pooling],
                (memory - fixed["memory_bytes"][pooling] - cap) / FLOAT_BYTES,
            )
            own = {} if np.isinf(params) else {"params": int(np.floor(params))}
            options = np.flatnonzero(peaks <= cap)
            yield _Room(pooling, options, {**budget, **own})


def _layer_costs(
    costs: CostModel, room: _Room, can_skip: bool
) -> tuple[Int[np.ndarray, "choice cost"], Int[np.ndarray, " cost"]]:
    """Costs of a layer by choice (skipped, where it can be, first), and the budget."""
    layer = costs.parts().layer
    pairs = {**layer, "layers": np.full_like(layer["params"], -1)}
    columns = [pairs[name].reshape(-1)[room.options] for name in room.budget]
    table = np.stack(columns, -1)
    table = np.concatenate([table[:1] * 0, table]) if can_skip else table
    return table, np.asarray([min(b, _ENDLESS) for b in room.budget.values()])


def _to_row(
    space: SearchSpace,
    found: Solution,
    room: _Room,
    pairs: Float[np.ndarray, "layer pair"],
) -> Int[np.ndarray, " site"]:
    """Choices of layers as a flattened architecture."""
    values = space.knob("keep").choices
    option = found.choices - (0 in values)
    is_kept = option >= 0
    pair = np.where(is_kept, room.options[option], pairs.argmax(-1))
    row = np.zeros(len(space.num_choices), np.int32)
    row[space.columns("keep")] = np.asarray([values.index(int(k)) for k in is_kept])
    num_ffn = len(space.knob("ffn").choices)
    row[space.columns("heads")], row[space.columns("ffn")] = np.divmod(pair, num_ffn)
    row[space.columns("pooling")] = room.pooling
    return row
