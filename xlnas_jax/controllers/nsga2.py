"""NSGA-II: parents are kept by front, then by the room they have on it.

Candidates that break a limit are rejected before they are scored and another child
is drawn for each, so that feasibility-first dominance (`pareto.feasible_first_rank`)
has nothing to decide here: everything told is feasible.

References:
    Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002.
    https://doi.org/10.1109/4235.996017
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.controller import Nsga2Controller
from xlnas_jax.controllers.base import (
    Controller,
    Setting,
    Strategy,
    Told,
    scaled_rate,
    usable,
)
from xlnas_jax.controllers.variation import (
    TRIES,
    History,
    canonical,
    crossover,
    draw,
    first_new,
    init_history,
    make_sites,
    mutate,
    remember,
    rising,
)
from xlnas_jax.objectives.pareto import Archive, front_mask, init_archive, insert


@struct.dataclass
class Nsga2State:
    """The parents, and what is not worth asking again.

    Attributes:
        parents: best first, by rank and crowding; each network once.
        history: everything told.
        rate: factor on the configured mutation rate.
    """

    parents: Archive
    history: History
    rate: Float[Array, ""]


def make_nsga2(config: Nsga2Controller, setting: Setting) -> Controller:
    """Minimises all objectives at once; children by tournament, crossover, mutation.

    The first candidates are random: as many as there are parents, or a quarter of the
    run's where that is less. Parents keep the scores they were told: where shared
    weights go on learning they are easier to beat from round to round.
    """
    sites = make_sites(setting.space)
    num_sites, num_objectives = len(sites.num_choices), 1 + len(setting.cost_scale)
    total = setting.num_rounds * setting.population
    num_random = max(min(config.parents, total // 4), 1)

    def init(key: Key[Array, ""]) -> Nsga2State:
        del key  # nobody is there yet
        return Nsga2State(
            init_archive(config.parents, num_sites, num_objectives, num_values=1),
            init_history(total, num_sites, num_objectives),
            jnp.ones(()),
        )

    def child(
        key: Key[Array, ""], pair: Int[Array, "2 site"], rate: Float[Array, ""]
    ) -> Int[Array, " site"]:
        mate_key, cross_key, mutate_key = jax.random.split(key, 3)
        mated = crossover(sites, cross_key, pair[0], pair[1])
        is_mated = jax.random.bernoulli(mate_key, config.crossover)
        return mutate(sites, mutate_key, jnp.where(is_mated, mated, pair[0]), rate)

    def ask(state: Nsga2State, key: Key[Array, ""], num: int) -> Int[Array, "num site"]:
        pick_key, child_key, draw_key = jax.random.split(key, 3)
        # Parents are sorted: the smaller number wins the tournament.
        num_parents = jnp.maximum(state.parents.is_valid.sum(), 1).astype(jnp.int32)
        entrants = jax.random.randint(pick_key, (num, 2, 2), 0, num_parents)
        pairs = state.parents.indices[entrants.min(-1)]
        keys = jax.random.split(child_key, (num, TRIES))
        rates = rising(scaled_rate(config.mutation, state.rate))
        children = jax.vmap(jax.vmap(child, (0, None, 0)), (0, 0, None))(
            keys, pairs, rates
        )
        fresh = draw(sites, draw_key, num * TRIES).reshape(children.shape)
        is_started = state.history.num >= num_random
        return first_new(state.history, jnp.where(is_started, children, fresh))

    def tell(state: Nsga2State, told: Told) -> Nsga2State:
        told = dataclasses.replace(told, indices=canonical(sites, told.indices))
        nothing = jnp.zeros((told.indices.shape[0], 1))
        parents = insert(
            state.parents, told.indices, told.objectives, nothing, usable(told)
        )
        return Nsga2State(parents, remember(state.history, told), state.rate)

    def summary(state: Nsga2State) -> dict[str, Float[Array, "..."]]:
        counts = {
            "parents": state.parents.is_valid.sum(),
            "parents_on_front": front_mask(state.parents).sum(),
        }
        return {name: count.astype(jnp.float32) for name, count in counts.items()}

    def with_rate(state: Nsga2State, factor: Float[Array, ""]) -> Nsga2State:
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
    Nsga2Controller,
    make_nsga2,
    "evolution",
    "scores",
    "front",
    "interactions",
    "Deb et al. 2002",
    needs=frozenset({"several objectives"}),
)
