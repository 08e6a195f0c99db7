"""The part of the space that is searched, as languages and alignment ask.

Bounds say which choices are proposed; what is known stays known, and every network is
trained. They begin where the difficulty of the languages puts them. When the smoothed
alignment of the best network has stayed above or below its band for some rounds, each
moves by one choice at most towards where the difficulty of then would have it.
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.space import AdaptConfig
from xlnas_jax.controllers.base import Told
from xlnas_jax.search.difficulty import Difficulty, combined
from xlnas_jax.space.bounds import (
    Bounds,
    Dimension,
    dimensions,
    heights,
    put_within,
    smallest_within,
)
from xlnas_jax.space.constraints import is_feasible, limits
from xlnas_jax.space.cost import CostModel
from xlnas_jax.types import ArchitectureError, ConfigError, Evaluation

Rows = Int[np.ndarray, "pop site"]


@struct.dataclass
class AdaptState:
    """Where the bounds are, and where they were.

    Attributes:
        low, high: positions of every dimension.
        similarity: smoothed alignment; NaN before it was measured.
        above, below: rounds in a row that it was above or below its band.
        lows, highs: of every round, as it was searched.
        signals: of every round, difficulty and smoothed alignment.
    """

    low: Int[np.ndarray, " dim"]
    high: Int[np.ndarray, " dim"]
    similarity: Float[np.ndarray, ""]
    above: Int[np.ndarray, ""]
    below: Int[np.ndarray, ""]
    lows: Int[np.ndarray, "round dim"]
    highs: Int[np.ndarray, "round dim"]
    signals: Float[np.ndarray, "round 2"]

    @property
    def bounds(self) -> Bounds:
        """Of the next round."""
        return Bounds(np.asarray(self.low), np.asarray(self.high))


class Adapt(NamedTuple):
    """The adaptive part of a space.

    Attributes:
        costs: of every network of the space. known: the difficulty of the languages.
        num_rounds: how many will be told of.
    """

    costs: CostModel
    constraints: ConstraintsConfig
    config: AdaptConfig
    known: Difficulty
    num_rounds: int

    def init(self) -> AdaptState:
        """Bounds of the languages' difficulty alone.

        Raises:
            ConfigError: a sensitivity is of no dimension.
            ArchitectureError: no network inside them is within the limits.
        """
        every = dimensions(self.costs.space)
        self._require_known(every)
        bounds = wanted(every, self.config, combined(self.known, None, self.config))
        self._require_feasible(bounds)
        shape = self.num_rounds, len(every)
        zero = np.zeros((), np.int32)
        return AdaptState(
            low=bounds.low,
            high=bounds.high,
            similarity=np.asarray(np.nan, np.float32),
            above=zero,
            below=zero,
            lows=np.zeros(shape, np.int32),
            highs=np.zeros(shape, np.int32),
            signals=np.full((self.num_rounds, 2), np.nan, np.float32),
        )

    def difficulty(self, state: AdaptState) -> float:
        """With the alignment as it is, if it was measured."""
        similarity = float(state.similarity)
        given = None if np.isnan(similarity) else similarity
        return combined(self.known, given, self.config)

    def put(self, state: AdaptState, rows: Rows, key: Key[Array, ""]) -> Rows:
        """Proposed rows inside the bounds; see `space.bounds.put_within`."""
        bias = self.config.bias * self.difficulty(state)
        space = self.costs.space
        return put_within(space, rows, state.bounds, _generator(key), bias)

    def is_taken(
        self, state: AdaptState, rows: Rows, key: Key[Array, ""]
    ) -> Bool[np.ndarray, " pop"]:
        """Which rows are kept where larger ones are to be likelier inside the bounds.

        By chance, with `exp(bias * difficulty * (height - 1))`.
        """
        bias = self.config.bias * self.difficulty(state)
        height = heights(self.costs.space, rows, state.bounds)
        return _generator(key).random(len(rows)) < np.exp(bias * (height - 1.0))

    def told(
        self, state: AdaptState, number: int, similarity: float | None
    ) -> AdaptState:
        """The state after a round of the search, counted from 0.

        Args:
            similarity: alignment of the round's best network; None: not measured.
        """
        config = self.config
        signals = np.array(state.signals)
        signals[number] = self.difficulty(state), state.similarity
        lows, highs = np.array(state.lows), np.array(state.highs)
        lows[number], highs[number] = state.low, state.high
        state = dataclasses.replace(state, lows=lows, highs=highs, signals=signals)
        if similarity is None or not np.isfinite(similarity):
            return state
        smoothed = similarity
        if np.isfinite(state.similarity):
            kept = config.smoothing
            smoothed = kept * float(state.similarity) + (1.0 - kept) * similarity
        above = int(state.above) + 1 if smoothed > config.high else 0
        below = int(state.below) + 1 if smoothed < config.low else 0
        state = dataclasses.replace(state, similarity=np.asarray(smoothed, np.float32))
        if max(above, below) >= config.patience:
            moved = self._moved(state)
            state = dataclasses.replace(state, low=moved.low, high=moved.high)
            above = below = 0
        counts = np.asarray(above, np.int32), np.asarray(below, np.int32)
        return dataclasses.replace(state, above=counts[0], below=counts[1])

    def _moved(self, state: AdaptState) -> Bounds:
        """One choice nearer to where they should be, if a network there fits."""
        every = dimensions(self.costs.space)
        goal = wanted(every, self.config, self.difficulty(state))
        now = state.bounds
        low = now.low + np.sign(goal.low - now.low)
        high = np.maximum(now.high + np.sign(goal.high - now.high), low)
        moved = Bounds(low.astype(np.int32), high.astype(np.int32))
        return moved if self._fits(moved) else now

    def _fits(self, bounds: Bounds) -> bool:
        rows = smallest_within(self.costs.space, bounds)
        return bool(is_feasible(rows, self.costs, self.constraints).any())

    def _require_feasible(self, bounds: Bounds) -> None:
        if self._fits(bounds):
            return
        rows = smallest_within(self.costs.space, bounds)
        counts = self.costs.counted(rows)
        least = ", ".join(
            f"{name} {counts[name].min():,} (limit {limit:,.0f})"
            for name, limit in limits(self.constraints).items()
            if name in counts
        )
        raise ArchitectureError(
            f"space.adapt: some network inside the bounds must be within the limits; "
            f"the smallest has {least}. The languages are far, so that small choices "
            f"are left out: raise the limits or space.adapt.slack, or lower "
            f"space.adapt.sensitivity."
        )

    def _require_known(self, every: tuple[Dimension, ...]) -> None:
        names = [one.name for one in every]
        unknown = sorted(set(self.config.sensitivity) - set(names))
        if unknown:
            raise ConfigError(
                f"space.adapt.sensitivity: must name what may vary; got {unknown}. "
                f"Use {', '.join(names) or 'none: nothing may'}."
            )


def wanted(
    every: tuple[Dimension, ...], config: AdaptConfig, difficulty: float
) -> Bounds:
    """Where a difficulty puts the bounds of every dimension.

    Both rise with it, so that bounds of a harder transfer are never lower.
    """
    low, high = [], []
    for one in every:
        most, s = one.size - 1, config.sensitivity.get(one.name, 1.0)
        # Rounded first: 2 * (0.7 - 0.5) must not fall under a whole number.
        share = round(max(0.0, difficulty - config.slack) * s * most, 9)
        low.append(min(most, int(np.floor(share))))
        share = round(min(1.0, config.base + difficulty * s) * most, 9)
        high.append(max(low[-1], int(np.ceil(share))))
    return Bounds(np.asarray(low, np.int32), np.asarray(high, np.int32))


def adapted(
    adapt: Adapt | None,
    state: AdaptState | None,
    number: int,
    told: Told,
    evaluation: Evaluation,
) -> tuple[AdaptState | None, Mapping[str, float]]:
    """The state after a round, and what the log says of the one it was searched in."""
    if adapt is None or state is None:
        return state, {}
    shown = log_of(adapt, state)
    return adapt.told(state, number, similarity_of_best(told, evaluation)), shown


def similarity_of_best(told: Told, evaluation: Evaluation) -> float | None:
    """Alignment of the round's best network by the first objective.

    The mean over auxiliary languages and tasks; None where none was measured.
    """
    is_valid = np.asarray(told.is_valid)
    if not evaluation.alignment or not is_valid.any():
        return None
    first = np.where(is_valid, np.asarray(told.objectives)[:, 0], np.inf)
    best = int(first.argmin())
    every = [np.asarray(own)[best].mean() for own in evaluation.alignment]
    return float(np.mean(every))


def log_of(adapt: Adapt, state: AdaptState) -> Mapping[str, float]:
    """What a round's line says of the bounds that it was searched in."""
    found = {"difficulty": adapt.difficulty(state)}
    if np.isfinite(state.similarity):
        found["alignment"] = float(state.similarity)
    for one, low, high in zip(
        dimensions(adapt.costs.space), *state.bounds, strict=True
    ):
        found |= {f"low_{one.name}": float(low), f"high_{one.name}": float(high)}
    return found


def history_of(adapt: Adapt, state: AdaptState, rounds: int) -> dict[str, object]:
    """For `front.json`: names and sizes of dimensions, and bounds of every round."""
    return {
        "dimensions": [
            {"name": one.name, "size": one.size}
            for one in dimensions(adapt.costs.space)
        ],
        "known": adapt.known._asdict(),
        "rounds": [
            {
                "difficulty": round(float(state.signals[n, 0]), 6),
                "alignment": None
                if np.isnan(state.signals[n, 1])
                else round(float(state.signals[n, 1]), 6),
                "low": np.asarray(state.lows[n]).tolist(),
                "high": np.asarray(state.highs[n]).tolist(),
            }
            for n in range(rounds)
        ],
    }


def _generator(key: Key[Array, ""]) -> np.random.Generator:
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))
