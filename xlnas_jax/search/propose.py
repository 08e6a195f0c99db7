"""Candidates within the limits, from what a strategy draws."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Bool, Int, Key

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.controllers.base import Controller
from xlnas_jax.search.adapt import Adapt, AdaptState
from xlnas_jax.search.search import Proposal
from xlnas_jax.search.seeds import Seeds
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.space.cost import CostModel

# Candidates drawn at a time, at least, while looking for feasible ones.
DRAWS = 64


def make_propose(
    controller: Controller,
    costs: CostModel,
    constraints: ConstraintsConfig,
    config: SearchConfig,
    key_of: Callable[[int], Key[Array, ""]],
    seeds: Seeds | None = None,
    first: int = 0,
    adapt: Adapt | None = None,
) -> Callable[..., Proposal]:
    """Draws from the controller until enough candidates are within the limits.

    Rejection keeps the accepted candidates distributed as the policy given that
    it is feasible, which is what the policy gradient needs. A controller that wants
    distinct candidates gets each network once in a round.

    Args:
        key_of: the random key of a round.
        seeds: feasible candidates that come before any that is drawn.
        first: the round that they come in.
        adapt: where it is given, what is drawn is put into the part of the space that
            is searched; rows that were not there count as not drawn.
    """
    size, space = config.population, costs.space
    # What runs on the host pays for every draw.
    draws = max(size, DRAWS) if controller.is_compiled else size

    def propose(state: Any, number: int, part: AdaptState | None = None) -> Proposal:
        key, begun = key_of(number), size * (number - first)
        kept = np.zeros((0, len(space.num_choices)), np.int32)
        if seeds is not None and 0 <= begun < seeds.most:
            kept = np.asarray(seeds.rows()[begun : begun + size], np.int32)
        given = len(kept)
        is_own, rejected = np.zeros(given, bool), 0
        for attempt in range(config.max_tries if given < size else 0):
            ask_key = jax.random.fold_in(key, attempt)
            rows = np.asarray(controller.ask(state, ask_key, draws))
            is_asked = is_liked = np.ones(draws, bool)
            if adapt is not None and part is not None:
                rows, is_asked, is_liked = _put(adapt, part, rows, ask_key)
            fits = is_feasible(rows, costs, constraints)
            is_taken = fits & is_liked
            if controller.wants_distinct:
                is_taken &= _is_new(space.canonical(rows), space.canonical(kept))
            enough = np.flatnonzero(np.cumsum(is_taken) == size - len(kept))
            seen = int(enough[0]) + 1 if len(enough) else draws
            kept = np.concatenate([kept, rows[:seen][is_taken[:seen]]])
            is_own = np.concatenate([is_own, is_asked[:seen][is_taken[:seen]]])
            rejected += int((~fits[:seen]).sum())
            if len(kept) == size:
                break
        num, drawn = len(kept), kept
        if controller.alter is not None and num:
            last = jax.random.fold_in(key, config.max_tries)
            kept = controller.alter(state, last, drawn)
        is_drawn = np.pad((kept == drawn).all(-1) & is_own, (0, size - num))
        kept = np.pad(kept, ((0, size - num), (0, 0)))
        return Proposal(kept, num, rejected, costs(kept), is_drawn)

    return propose


def _put(
    adapt: Adapt, part: AdaptState, rows: Int[np.ndarray, "draw site"], key: Any
) -> tuple[Int[np.ndarray, "draw site"], Bool[np.ndarray, " draw"], Any]:
    """Rows in the part that is searched, which of them were there, which are liked."""
    inside = adapt.put(part, rows, jax.random.fold_in(key, 0))
    was_inside = (adapt.costs.space.canonical(rows) == inside).all(-1)
    rows = np.where(was_inside[:, None], rows, inside)
    return rows, was_inside, adapt.is_taken(part, rows, jax.random.fold_in(key, 1))


def _is_new(
    rows: Int[np.ndarray, "draw site"], kept: Int[np.ndarray, "kept site"]
) -> Bool[np.ndarray, " draw"]:
    """The first of equal rows, where it is not among those kept."""
    first = np.zeros(len(rows), bool)
    first[np.unique(rows, axis=0, return_index=True)[1]] = True
    return first & ~(rows[:, None] == kept[None]).all(-1).any(-1)
