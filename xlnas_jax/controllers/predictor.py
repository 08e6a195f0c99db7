"""Predictor-guided search: a Gaussian process says which networks to score next.

What was scored trains a Gaussian process over architectures; a pool of feasible
networks that were not, uniform draws and mutants of the front, is drawn from its
posterior, and for each candidate one random weighting of the objectives picks the
pool's best (Thompson sampling with augmented Chebyshev scalars). Costs are not
predicted: they are known exactly.

References:
    Knowles, "ParEGO", 2006. https://doi.org/10.1109/TEVC.2005.851274
    White et al., "BANANAS", 2021. https://arxiv.org/abs/1910.11858
    Cummings et al., "A hardware-aware system for accelerating deep neural network
    optimization" (LINAS), 2022. https://arxiv.org/abs/2202.12954
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.controller import PredictorController
from xlnas_jax.controllers.base import Controller, Setting, Strategy, Told, usable
from xlnas_jax.controllers.gaussian import fit
from xlnas_jax.controllers.variation import is_among, is_within
from xlnas_jax.objectives.pareto import nondominated
from xlnas_jax.space.space import SearchSpace

Rows = Int[np.ndarray, "pop site"]
# Weight of the sum beside the largest term, so that no pick is weakly dominated.
AUGMENTED = 0.05
# Times that a pool is drawn anew while it is not full.
TRIES = 16


@struct.dataclass
class PredictorState:
    """What was scored last, oldest first; `count` says how much there ever was."""

    indices: Int[Array, "history site"]
    objectives: Float[Array, "history obj"]
    is_valid: Bool[Array, " history"]
    count: Int[Array, ""]


def make_predictor(config: PredictorController, setting: Setting) -> Controller:
    """The strategy over the sites of the setting's space, on the host in float64."""
    space, costs = setting.space, setting.costs
    if costs.latency is not None:
        # Nothing is measured merely to choose what to ask for.
        costs = costs.with_latency(costs.latency.planned())
    sites, size = len(space.num_choices), config.history
    ends = np.asarray(space.num_choices)

    front = jax.jit(nondominated)

    def init(key: Key[Array, ""]) -> PredictorState:
        del key
        return PredictorState(
            jnp.zeros((size, sites), jnp.int32),
            jnp.zeros((size, len(setting.objectives)), jnp.float32),
            jnp.zeros(size, bool),
            jnp.zeros((), jnp.int32),
        )

    def tell(state: PredictorState, told: Told) -> PredictorState:
        is_valid = usable(told)
        objectives = jnp.where(is_valid[:, None], told.objectives, 0)
        new = (told.indices, objectives, is_valid)
        old = (state.indices, state.objectives, state.is_valid)
        # The newest stand last; a population may be larger than the history.
        indices, values, is_known = jax.tree.map(
            lambda a, b: jnp.concatenate([a, b])[-size:], old, new
        )
        count = state.count + is_valid.sum(dtype=jnp.int32)
        return PredictorState(indices, values, is_known, count)

    def ask(
        state: PredictorState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        return jnp.asarray(chosen(state, key, num), jnp.int32)

    def chosen(state: PredictorState, key: Key[Array, ""], num: int) -> Rows:
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        is_valid = np.asarray(state.is_valid)
        seen = space.canonical(np.asarray(state.indices)[is_valid])
        values = np.asarray(state.objectives, np.float64)[is_valid]
        # On the whole history: its shape stays, so that nothing is compiled anew.
        is_best = np.asarray(front(state.objectives, state.is_valid))[is_valid]
        pool = _pool(rng, setting, seen, seen[is_best], config.pool)
        if len(seen) < config.initial or len(pool) <= num:
            more = rng.integers(0, ends[None], (num, len(ends)), np.int32)
            return np.concatenate([pool, more])[:num]
        counted = costs(pool)
        inputs = one_hot(space, seen), one_hot(space, pool)
        drawn = [
            np.broadcast_to(counted[name].astype(np.float64), (num, len(pool)))
            if name in counted
            else fit(inputs[0], values[:, column]).sample(rng, inputs[1], num)
            for column, name in enumerate(setting.objectives)
        ]
        return pool[_chebyshev(rng, np.stack(drawn, -1), values)]

    def summary(state: PredictorState) -> dict[str, Float[Array, "..."]]:
        return {"predictor_count": state.count.astype(jnp.float32)}

    return Controller(
        init,
        ask,
        jax.jit(tell),
        summary,
        is_compiled=False,
        wants_distinct=True,
        learns_from_any=True,
    )


def one_hot(space: SearchSpace, rows: Rows) -> Float[np.ndarray, "pop feature"]:
    """Every choice of every site; those of a skipped layer have no feature."""
    kept = space.is_kept(rows)
    parts = []
    for knob in space.knobs:
        chosen = np.eye(len(knob.choices))[rows[:, space.columns(knob.name)]]
        chosen = chosen * kept[..., None] if knob.needs_layer else chosen
        parts.append(chosen.reshape(len(rows), -1))
    return np.concatenate(parts, axis=-1)


def _pool(
    rng: np.random.Generator,
    setting: Setting,
    seen: Int[np.ndarray, "known site"],
    parents: Int[np.ndarray, "parent site"],
    size: int,
) -> Rows:
    """Feasible networks that were not seen: uniform draws, and mutants of the front."""
    space, ends = setting.space, np.asarray(setting.space.num_choices)
    pool = np.zeros((0, len(ends)), np.int32)
    for _ in range(TRIES):
        drawn = rng.integers(0, ends[None], (size, len(ends)), np.int32)
        if len(parents):
            chosen = parents[rng.integers(len(parents), size=size // 2)]
            # One gene for sure, further ones seldom.
            is_changed = rng.random(chosen.shape) < 1 / len(ends)
            surely = rng.integers(len(ends), size=len(chosen))
            is_changed[np.arange(len(chosen)), surely] = True
            drawn[: len(chosen)] = np.where(is_changed, drawn[: len(chosen)], chosen)
        rows = space.canonical(drawn)
        rows = rows[is_within(setting, rows)]
        pool = np.unique(np.concatenate([pool, rows]), axis=0)
        pool = pool[~is_among(pool, seen)]
        if len(pool) >= size:
            break
    return rng.permutation(pool)[:size]


def _chebyshev(
    rng: np.random.Generator,
    drawn: Float[np.ndarray, "num pool obj"],
    values: Float[np.ndarray, "pop obj"],
) -> Int[np.ndarray, " num"]:
    """For each draw the best row of the pool under weights of its own, none twice."""
    low, high = values.min(0), values.max(0)
    scaled = (drawn - low) / np.where(high > low, high - low, 1)
    weights = rng.dirichlet(np.ones(values.shape[1]), len(drawn))[:, None]
    terms = weights * scaled
    scalar = terms.max(-1) + AUGMENTED * terms.sum(-1)
    picks: list[int] = []
    for row in scalar:
        row[picks] = np.inf
        picks.append(int(row.argmin()))
    return np.asarray(picks)


STRATEGY = Strategy(
    PredictorController,
    make_predictor,
    "model-based",
    "scores",
    "front",
    "interactions",
    "Cummings et al. 2022",
)
