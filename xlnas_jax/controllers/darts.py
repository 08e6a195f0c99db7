"""DARTS: descent of the loss of the mixture of all choices, by softmax weights.

First order takes the shared weights as they are; second order takes those that one
more step on source data would make of them, and follows the gradient through it.

References:
    Liu et al., "DARTS: Differentiable Architecture Search", 2019.
    https://arxiv.org/abs/1806.09055
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from xlnas_jax.config.controller import DartsController
from xlnas_jax.controllers.base import (
    Controller,
    RelaxedLosses,
    Setting,
    Strategy,
    choice_mask,
)
from xlnas_jax.controllers.gradient import GradientState, Logits, make_gradient
from xlnas_jax.controllers.reinforce import log_policy


def make_darts(config: DartsController, setting: Setting) -> Controller:
    """Descent in the probabilities of every choice, all of them at once."""
    mask = choice_mask(setting.space.num_choices)

    def estimate(
        state: GradientState, losses: RelaxedLosses, key: Key[Array, ""]
    ) -> Logits:
        del key
        loss = losses.unrolled if config.order == 2 else losses.plain
        weights, pull_back = jax.vjp(
            lambda logits: jnp.exp(log_policy(logits, mask)), state.logits
        )
        _, gradient = loss(weights, None)
        return pull_back(gradient)[0]

    return make_gradient(config, setting, estimate)


STRATEGY = Strategy(
    DartsController,
    make_darts,
    "gradient",
    "gradients",
    "reward",
    "sites alone",
    "Liu et al. 2019",
    needs=frozenset({"relaxed networks"}),
)
