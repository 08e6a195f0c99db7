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
from xlnas_jax.space.disk import DISK, most_bytes
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
    """What the whole network's choices, and a limit on a layer's activations, leave.

    Attributes:
        whole: those choices, as a number.
        options: of a layer, as positions in the flattened combinations of its stages'
            options; only those whose activations are within the limit.
    """

    whole: int
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
    gate, values = scores[space.columns(space.gate.name)], space.gate.choices
    layers_of = _layer_scores(space, scores)
    kept = gate[:, [values.index(1)]] + layers_of
    skipped = gate[:, :0]
    if 0 in values:
        skipped = gate[:, [values.index(0)]] + layers_of.max(-1, keepdims=True)
    bases = _whole_scores(space, scores)
    found = []
    for room in _rooms(costs, given):
        layers = np.concatenate([skipped, kept[:, room.options]], -1)
        base = float(bases[room.whole])
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
    return _to_row(space, best, chosen, layers_of, scores)


def _layer_scores(
    space: SearchSpace, scores: Float[np.ndarray, "site choice"]
) -> Float[np.ndarray, "layer option"]:
    """Of every layer, for each combination of its stages' options."""
    total = np.zeros((space.gate.sites, 1))
    for stage in space.stages:
        for name in stage.knobs:
            own = scores[space.columns(name), : len(space.knob(name).choices)]
            total = (total[:, :, None] + own[:, None]).reshape(len(total), -1)
    return total


def _whole_scores(
    space: SearchSpace, scores: Float[np.ndarray, "site choice"]
) -> Float[np.ndarray, " whole"]:
    """For each combination of the whole network's choices."""
    total = np.zeros(len(space.whole_rows))
    for whole, chosen in zip(space.wholes, space.whole_rows.T, strict=True):
        total += scores[space.columns(whole.name).start, chosen]
    return total


def _rooms(costs: CostModel, given: dict[str, float]) -> Iterator[_Room]:
    """One for each choice of the whole, and each most in a layer if memory is limited.

    Memory holds the largest of the layers' activations. With that bounded from above,
    what is left of its limit bounds a sum, as all other limits do.
    """
    layer, fixed = costs.parts()
    peaks = layer["peak_bytes"].reshape(-1)
    memory = given.get("memory_bytes", np.inf)
    caps = peaks.max(keepdims=True) if np.isinf(memory) else np.unique(peaks)
    for whole in range(len(costs.space.whole_rows)):
        budget = {"layers": -costs.space.min_layers}
        if "flops" in given:
            budget["flops"] = int(given["flops"]) - int(fixed["flops"][whole])
        if DISK in given:
            most = most_bytes(given[DISK])
            budget["disk_bytes"] = most - int(fixed["disk_bytes"][whole])
        if LATENCY in given:
            assert costs.latency is not None
            most = costs.latency.budget(given[LATENCY])
            budget["latency_ns"] = most - int(fixed["latency_ns"][whole])
        for cap in caps:
            params = min(
                given.get("encoder_params", np.inf),
                given.get("params", np.inf) - fixed["params"][whole],
                (memory - fixed["memory_bytes"][whole] - cap) / FLOAT_BYTES,
            )
            own = {} if np.isinf(params) else {"params": int(np.floor(params))}
            options = np.flatnonzero(peaks <= cap)
            yield _Room(whole, options, {**budget, **own})


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
    layers: Float[np.ndarray, "layer option"],
    scores: Float[np.ndarray, "site choice"],
) -> Int[np.ndarray, " site"]:
    """Choices of layers as a flattened architecture."""
    values = space.gate.choices
    option = found.choices - (0 in values)
    is_kept = option >= 0
    number = np.where(is_kept, room.options[option], layers.argmax(-1))
    row = np.zeros(len(space.num_choices), np.int32)
    row[space.columns(space.gate.name)] = [values.index(int(k)) for k in is_kept]
    for stage in reversed(space.stages):
        for name in reversed(stage.knobs):
            number, chosen = np.divmod(number, len(space.knob(name).choices))
            row[space.columns(name)] = chosen
    for whole, chosen in zip(space.wholes, space.whole_rows[room.whole], strict=True):
        row[space.columns(whole.name)] = chosen
    for training in space.trainings:
        # It costs nothing. Of choices that are alike the last, which trains most.
        columns = space.columns(training.name)
        own = scores[columns, : len(space.knob(training.name).choices)]
        row[columns] = own.shape[1] - 1 - own[:, ::-1].argmax(-1)
    return row
