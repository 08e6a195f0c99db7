"""Notices that a search has come to a halt, and shakes it until it moves again.

A halt is a hypervolume that has not grown for some rounds, or a drift towards cheap
networks that are no good: the archive's mean cost falls, and so does the best score of
the round's candidates. The responses join one another until a round gains again:

1. the strategy's mutation rate is raised, where it has one;
2. some candidates give way to random ones from the upper half of the budget, where a
   search that slides towards cheap networks does not look;
3. candidates far from the archive are told as better than they are;
4. the lowest choice of every ordered knob with more than two is not proposed.

Then they are taken back one by one. The strategy is wrapped: what it is asked and told
is its own affair until the first halt. Of candidates that it did not draw it learns
only if it may (`Controller.learns_from_any`); the archive takes all, with their own
scores.

References:
    Grefenstette, "Genetic algorithms for changing environments", 1992 (immigrants).
    Lehman & Stanley, "Abandoning objectives: evolution through the search for novelty
    alone", 2011. https://doi.org/10.1162/EVCO_a_00025
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.search import EscapeConfig
from xlnas_jax.controllers.base import Controller, RelaxedLosses, Rows, Setting, Told
from xlnas_jax.objectives.pareto import Archive
from xlnas_jax.objectives.signals import Box
from xlnas_jax.search.immigrants import exchange, make_immigrants, raised
from xlnas_jax.space.distance import nearest

RATE, IMMIGRANTS, NOVELTY, BOUNDS = 1, 2, 3, 4

Number = Int[Array | np.ndarray, ""]
Value = Float[Array | np.ndarray, ""]


@struct.dataclass
class EscapeState:
    """The strategy's own state, and what the rounds before have shown.

    Attributes:
        inner: what the wrapped strategy knows.
        rows, is_known: the archive's networks, canonical.
        volume, mean_cost: hypervolume and mean cost of the archive, in shares of the
            box; the cost is NaN before anything is known.
        best, last_best: lowest score of this round's candidates, and of the last's.
        still: rounds in a row without a gain.
        drifting: rounds in a row in which mean cost and best score both fell off.
        level: how many of the responses are at work.
        held: rounds since the last of them joined.
        is_easing: whether they are being taken back.
    """

    inner: Any
    rows: Int[Array | np.ndarray, "cap site"]
    is_known: Bool[Array | np.ndarray, " cap"]
    volume: Value
    mean_cost: Value
    best: Value
    last_best: Value
    still: Number
    drifting: Number
    level: Number
    held: Number
    is_easing: Bool[Array | np.ndarray, ""]


def with_escape(
    controller: Controller,
    config: EscapeConfig,
    setting: Setting,
    box: Box,
    archive_size: int,
) -> Controller:
    """The same strategy, shaken where it comes to a halt; runs on the host.

    Args:
        box: what the hypervolume is measured in.
        archive_size: slots of the archive that the search keeps.
    """
    inner = controller.compiled()
    space = setting.space
    draw = make_immigrants(setting, box)
    first = IMMIGRANTS if inner.with_rate is None else RATE

    def init(key: Key[Array, ""]) -> EscapeState:
        return _start(inner.init(key), archive_size, len(space.num_choices))

    def ask(
        state: EscapeState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        return inner.ask(state.inner, key, num)

    def tell(state: EscapeState, told: Told) -> EscapeState:
        best = _best(told)
        if told.is_drawn is not None and not inner.learns_from_any:
            is_own = told.is_valid & told.is_drawn
            told = dataclasses.replace(told, is_valid=is_own)
        if int(state.level) >= NOVELTY and config.novelty > 0:
            told = dataclasses.replace(told, objectives=bonus(state, told))
        return dataclasses.replace(
            state,
            inner=inner.tell(state.inner, told),
            best=best,
            last_best=np.asarray(state.best),
        )

    def bonus(state: EscapeState, told: Told) -> Float[Array, "pop obj"]:
        known = np.asarray(state.rows)[np.asarray(state.is_known)]
        rows = space.canonical(np.asarray(told.indices))
        distance = nearest(space, rows, known, config.neighbours)
        taken = jnp.asarray(config.novelty * distance, jnp.float32)
        return told.objectives.at[:, 0].add(-taken)

    def alter(state: EscapeState, key: Key[Array, ""], rows: Rows) -> Rows:
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        if int(state.level) >= BOUNDS:
            rows = exchange(space, rows, raised(setting, rows), 0)
        if int(state.level) >= IMMIGRANTS:
            found = draw(rng, round(config.immigrants * len(rows)))
            rows = exchange(space, rows, found, len(rows) - len(found))
        return rows

    def watch(state: EscapeState, archive: Archive) -> EscapeState:
        state = _advance(_observe(state, archive, box, config), config, first)
        if inner.with_rate is None:
            return state
        factor = jnp.float32(config.rate if int(state.level) >= RATE else 1.0)
        return dataclasses.replace(state, inner=inner.with_rate(state.inner, factor))

    def refine(
        state: EscapeState, losses: RelaxedLosses, key: Key[Array, ""]
    ) -> EscapeState:
        assert inner.refine is not None
        learnt = inner.refine(state.inner, losses, key)
        return dataclasses.replace(state, inner=learnt)

    def summary(state: EscapeState) -> dict[str, Float[Array, "..."]]:
        numbers = {"escape_level": state.level, "rounds_without_gain": state.still}
        found = {name: jnp.asarray(n, jnp.float32) for name, n in numbers.items()}
        return {**inner.summary(state.inner), **found}

    return inner._replace(
        init=init,
        ask=ask,
        tell=tell,
        summary=summary,
        is_compiled=False,
        with_rate=None,
        alter=alter,
        watch=watch,
        refine=None if inner.refine is None else refine,
    )


def _start(inner: Any, archive_size: int, num_sites: int) -> EscapeState:
    zero, worst = np.zeros((), np.int32), np.asarray(np.inf, np.float32)
    return EscapeState(
        inner=inner,
        rows=np.zeros((archive_size, num_sites), np.int32),
        is_known=np.zeros(archive_size, bool),
        volume=np.zeros((), np.float32),
        mean_cost=np.asarray(np.nan, np.float32),
        best=worst,
        last_best=worst,
        still=zero,
        drifting=zero,
        level=zero,
        held=zero,
        is_easing=np.zeros((), bool),
    )


def _best(told: Told) -> Float[np.ndarray, ""]:
    """Lowest first objective of the candidates that count; infinite for none."""
    scores = np.where(told.is_valid, np.asarray(told.objectives)[:, 0], np.inf)
    return np.asarray(scores.min(), np.float32)


def _observe(
    state: EscapeState, archive: Archive, box: Box, config: EscapeConfig
) -> EscapeState:
    """What has changed since the last round."""
    is_known = np.asarray(archive.is_valid)
    points = np.asarray(archive.objectives, np.float64)[is_known]
    is_cost = [objective.is_cost for objective in box.objectives]
    costs = box.shares(points)[:, is_cost]
    mean_cost = float(costs.mean()) if costs.size else np.nan
    volume = box.volume(points)
    # Comparisons with NaN, before anything is known, are false.
    is_cheaper = mean_cost < float(state.mean_cost)
    is_drift = is_cheaper and float(state.best) > float(state.last_best)
    has_gained = volume - float(state.volume) >= config.gain
    return dataclasses.replace(
        state,
        rows=np.asarray(archive.indices),
        is_known=is_known,
        volume=np.asarray(volume, np.float32),
        mean_cost=np.asarray(mean_cost, np.float32),
        still=_int(0 if has_gained else int(state.still) + 1),
        drifting=_int(int(state.drifting) + 1 if is_drift else 0),
    )


def _advance(state: EscapeState, config: EscapeConfig, first: int) -> EscapeState:
    """Lets a response join, keeps those at work, or takes one back."""
    still, drifting = int(state.still), int(state.drifting)
    level, held, is_easing = int(state.level), int(state.held), bool(state.is_easing)
    if not level:
        is_halt = still >= config.patience or drifting >= config.drift
        level, held = (first if is_halt else 0), 0
    elif is_easing:
        level = level - 1 if level > first else 0
        if not level:  # a new halt takes as long as the first
            still, drifting, is_easing = 0, 0, False
    else:
        held += 1
        moves = still < config.hold and drifting < config.drift
        is_over = held >= config.hold
        is_easing = is_over and (moves or level == BOUNDS)
        if is_over and not is_easing:
            level, held = level + 1, 0
    return dataclasses.replace(
        state,
        still=_int(still),
        drifting=_int(drifting),
        level=_int(level),
        held=_int(held),
        is_easing=np.asarray(is_easing),
    )


def _int(value: int) -> Int[np.ndarray, ""]:
    return np.asarray(value, np.int32)
