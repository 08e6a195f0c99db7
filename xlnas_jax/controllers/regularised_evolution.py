"""Regularised evolution: the queue's oldest network dies, however good it is.

A network stays only as long as its descendants are found good again, so that one
lucky score, or one that was won with younger shared weights, is forgotten.

References:
    Real et al., "Regularized evolution for image classifier architecture search",
    2019. https://arxiv.org/abs/1802.01548
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.controller import RegularisedEvolutionController
from xlnas_jax.controllers.base import (
    Controller,
    Setting,
    Strategy,
    Told,
    scalarise,
    scaled_rate,
)
from xlnas_jax.controllers.variation import (
    TRIES,
    History,
    canonical,
    draw,
    first_new,
    init_history,
    make_sites,
    mutants,
    remember,
    rising,
)


@struct.dataclass
class EvolutionState:
    """Everything told; the queue is the youngest part of it.

    Attributes:
        history: canonical networks, so that none is asked twice without need.
        rate: factor on the configured mutation rate.
    """

    history: History
    rate: Float[Array, ""]


def make_regularised_evolution(
    config: RegularisedEvolutionController, setting: Setting
) -> Controller:
    """Mutates the winner of a tournament within the queue, by `scalarise`'s reward.

    Until the queue is full, candidates are random. A queue that half of the run's
    candidates could not fill is made as short as that.
    """
    sites = make_sites(setting.space)
    total = setting.num_rounds * setting.population
    queue = min(config.queue, max(total // 2, 1))
    capacity = max(total, queue)

    def init(key: Key[Array, ""]) -> EvolutionState:
        del key  # an empty queue
        num_sites, num_objectives = len(sites.num_choices), 1 + len(setting.cost_scale)
        history = init_history(capacity, num_sites, num_objectives)
        return EvolutionState(history, jnp.ones(()))

    def winners(
        history: History, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        ages = jax.random.randint(key, (num, config.tournament), 0, queue)
        slots = (history.num - 1 - ages) % capacity
        reward = scalarise(history.objectives, setting.cost_scale, config.cost_weight)
        best = reward[slots].argmax(1)
        return history.rows[jnp.take_along_axis(slots, best[:, None], axis=1)[:, 0]]

    def ask(
        state: EvolutionState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        pick_key, mutate_key, draw_key = jax.random.split(key, 3)
        parents = winners(state.history, pick_key, num)
        rates = rising(scaled_rate(config.mutation, state.rate))
        children = mutants(sites, mutate_key, parents, rates)
        fresh = draw(sites, draw_key, num * TRIES).reshape(children.shape)
        is_full = state.history.num >= queue
        return first_new(state.history, jnp.where(is_full, children, fresh))

    def tell(state: EvolutionState, told: Told) -> EvolutionState:
        told = dataclasses.replace(told, indices=canonical(sites, told.indices))
        return dataclasses.replace(state, history=remember(state.history, told))

    def summary(state: EvolutionState) -> dict[str, Float[Array, "..."]]:
        return {"queue": jnp.minimum(state.history.num, queue).astype(jnp.float32)}

    def with_rate(state: EvolutionState, factor: Float[Array, ""]) -> EvolutionState:
        return dataclasses.replace(state, rate=factor)

    return Controller(
        init,
        ask,
        tell,
        summary,
        wants_distinct=True,
        learns_from_any=True,
        with_rate=with_rate,
    )


STRATEGY = Strategy(
    RegularisedEvolutionController,
    make_regularised_evolution,
    "evolution",
    "scores",
    "reward",
    "interactions",
    "Real et al. 2019",
)
