"""Uniform random search: the control that every strategy is held against."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.controller import RandomController
from xlnas_jax.controllers.base import Controller, Strategy, Told, choice_mask


class RandomState(NamedTuple):
    """Nothing: random search does not learn."""


def make_random(num_choices: tuple[int, ...]) -> Controller:
    """Draws every choice of every site with the same probability.

    Args:
        num_choices: how many choices each site has (`SearchSpace.num_choices`).
    """

    def init(key: Key[Array, ""]) -> RandomState:
        del key
        return RandomState()

    def ask(
        state: RandomState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        del state
        ends = jnp.asarray(num_choices, jnp.int32)
        ends = jnp.broadcast_to(ends[None], (num, len(num_choices)))
        return jax.random.randint(key, ends.shape, 0, ends)

    def tell(state: RandomState, told: Told) -> RandomState:
        del told
        return state

    def summary(state: RandomState) -> dict[str, Float[Array, "..."]]:
        del state
        probabilities = choice_mask(num_choices).astype(jnp.float32)
        return {"probabilities": probabilities / probabilities.sum(-1, keepdims=True)}

    return Controller(init, ask, tell, summary)


STRATEGY = Strategy(
    RandomController,
    lambda config, setting: make_random(setting.space.num_choices),
    "control",
    "nothing",
    "nothing",
    "nothing",
    "Li and Talwalkar 2019",
)
