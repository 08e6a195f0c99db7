"""Uniform scaling: a control that shrinks all layers alike and learns nothing.

References:
    Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural
    networks", 2019. https://arxiv.org/abs/1905.11946
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.controller import UniformController
from xlnas_jax.controllers.base import Controller, Setting, Strategy, Told, usable
from xlnas_jax.controllers.variation import canonical, is_within, make_sites
from xlnas_jax.space.uniform import uniform_rows


@struct.dataclass
class UniformState:
    """How often each uniformly scaled network was told."""

    times: Int[Array, " network"]


def make_uniform(setting: Setting) -> Controller:
    """Asks for those within the limits, the least often scored first.

    Where none is within the limits, for the smallest network.
    """
    space = setting.space
    sites = make_sites(space)
    every = uniform_rows(space)
    found = every[is_within(setting, every)]
    if not len(found):
        found = np.asarray(space.flatten(space.smallest()))[None]
    rows = jnp.asarray(found, jnp.int32)

    def init(key: Key[Array, ""]) -> UniformState:
        del key  # nothing was scored
        return UniformState(jnp.zeros(len(rows), jnp.int32))

    def ask(
        state: UniformState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        order = jnp.lexsort((jax.random.uniform(key, (len(rows),)), state.times))
        return rows[jnp.resize(order, (num,))]

    def tell(state: UniformState, told: Told) -> UniformState:
        asked = canonical(sites, told.indices)
        is_same = (asked[:, None] == rows[None]).all(-1) & usable(told)[:, None]
        return UniformState(state.times + is_same.sum(0, dtype=jnp.int32))

    def summary(state: UniformState) -> dict[str, Float[Array, "..."]]:
        return {"networks_scored": (state.times > 0).sum().astype(jnp.float32)}

    return Controller(
        init, ask, tell, summary, wants_distinct=True, learns_from_any=True
    )


STRATEGY = Strategy(
    UniformController,
    lambda config, setting: make_uniform(setting),
    "control",
    "nothing",
    "nothing",
    "nothing",
    "Tan and Le 2019",
)
