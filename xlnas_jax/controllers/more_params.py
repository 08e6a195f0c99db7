"""More parameters are better: a control that asks for the largest networks allowed.

Rankings of sub-networks are often little more than their size; a strategy that does
not beat this one has found nothing else.

References:
    White et al., "A deeper look at zero-cost proxies for lightweight NAS", 2022.
    https://iclr-blog-track.github.io/2022/03/25/zero-cost-proxies/
"""

import dataclasses

import jax
import numpy as np
from flax import struct
from jaxtyping import Array, Int, Key

from xlnas_jax.config.controller import MoreParamsController
from xlnas_jax.controllers.base import Controller, Setting, Strategy, Told, no_summary
from xlnas_jax.controllers.variation import (
    History,
    canonical,
    init_history,
    is_among,
    is_within,
    make_sites,
    remember,
)


@struct.dataclass
class MoreParamsState:
    """The networks that were scored: they stand aside for the next in size."""

    history: History


def make_more_params(config: MoreParamsController, setting: Setting) -> Controller:
    """Of many draws those within the limits, by falling number of parameters.

    Networks that were scored come last; where nothing is within the limits, the draws
    are asked as they come. On the host, because exact counts are.
    """
    space = setting.space
    sites = make_sites(space)
    ends = np.asarray(space.num_choices)

    def init(key: Key[Array, ""]) -> MoreParamsState:
        del key  # nothing was scored
        capacity = setting.num_rounds * setting.population
        return MoreParamsState(
            init_history(capacity, len(ends), 1 + len(setting.cost_scale))
        )

    def ask(
        state: MoreParamsState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        drawn = rng.integers(0, ends, (max(config.draws, num), len(ends)), np.int32)
        drawn = space.canonical(drawn)
        found = np.unique(drawn[is_within(setting, drawn)], axis=0)
        if not len(found):
            return jax.device_put(drawn[:num])
        known = np.asarray(state.history.rows)[np.asarray(state.history.is_filled)]
        params = setting.costs.counted(found)["params"]
        order = np.lexsort((-params, is_among(found, known)))
        return jax.device_put(found[np.resize(order, num)])

    @jax.jit
    def tell(state: MoreParamsState, told: Told) -> MoreParamsState:
        told = dataclasses.replace(told, indices=canonical(sites, told.indices))
        return MoreParamsState(remember(state.history, told))

    return Controller(
        init,
        ask,
        tell,
        no_summary,
        is_compiled=False,
        wants_distinct=True,
        learns_from_any=True,
    )


STRATEGY = Strategy(
    MoreParamsController,
    make_more_params,
    "control",
    "nothing",
    "nothing",
    "nothing",
    "-",
    needs=frozenset({"size limit"}),
)
