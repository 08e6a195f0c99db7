"""GDAS: descent of the loss of one sampled path, straight through Gumbel-softmax.

A path is drawn for every step: the choices with the highest `log p + g`, `g` being
Gumbel noise, which are draws from the policy whatever the temperature. Forward they
are one-hot; backward the gradient is that of `softmax((log p + g) / temperature)`,
which is smooth at first and sharp at last.

References:
    Dong and Yang, "Searching for a Robust Neural Architecture in Four GPU Hours",
    2019. https://arxiv.org/abs/1910.04465
    Jang et al., "Categorical Reparameterization with Gumbel-Softmax", 2017.
    https://arxiv.org/abs/1611.01144
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.controller import GdasController
from xlnas_jax.controllers.base import (
    Controller,
    RelaxedLosses,
    Setting,
    Strategy,
    choice_mask,
)
from xlnas_jax.controllers.gradient import GradientState, Logits, make_gradient
from xlnas_jax.controllers.reinforce import log_policy
from xlnas_jax.supernet.relaxed import straight_through

# Choices that are drawn more rarely weigh no more: one draw would undo all others.
RAREST = 0.05


def make_gdas(config: GdasController, setting: Setting) -> Controller:
    """One path a step; the temperature falls linearly from round to round."""
    mask = choice_mask(setting.space.num_choices)
    temperature = optax.linear_schedule(
        config.temperature,
        config.final_temperature,
        max(setting.num_rounds - 1, 1),
    )

    knobs = setting.space.knobs
    is_ordered = np.concatenate([np.full(k.sites, k.is_ordered) for k in knobs])
    is_partial = is_ordered if config.form == "sliced" else None

    def estimate(
        state: GradientState, losses: RelaxedLosses, key: Key[Array, ""]
    ) -> Logits:
        heat = jnp.asarray(temperature(state.round), jnp.float32)
        return path_gradient(state.logits, mask, heat, losses, key, is_partial)

    def summary(state: GradientState) -> dict[str, Float[Array, "..."]]:
        return {"temperature": jnp.asarray(temperature(state.round), jnp.float32)}

    return make_gradient(config, setting, estimate, summary)


def path_gradient(
    logits: Logits,
    mask: Bool[Array, "site choice"],
    temperature: Float[Array, ""],
    losses: RelaxedLosses,
    key: Key[Array, ""],
    is_partial: Bool[np.ndarray, " site"] | None = None,
) -> Logits:
    """Straight-through estimate of the gradient of the expected loss, by one path.

    Args:
        is_partial: sites of which only the choices up to the drawn one are run; see
            `whole_gradient`. None: all are.
    """
    noise = jax.random.gumbel(key, mask.shape)

    def sample(logits: Logits) -> tuple[Logits, Int[Array, " site"]]:
        scores = log_policy(logits, mask) + noise
        soft = jax.nn.softmax(scores / temperature, axis=-1)
        chosen = scores.argmax(-1).astype(jnp.int32)
        return straight_through(soft, chosen), chosen

    weights, pull_back, chosen = jax.vjp(sample, logits, has_aux=True)
    _, gradient = losses.plain(weights, chosen)
    if is_partial is not None:
        policy = jnp.exp(log_policy(logits, mask))
        whole = whole_gradient(gradient, policy)
        gradient = jnp.where(is_partial[:, None], whole, gradient)
    return pull_back(gradient)[0]


def whole_gradient(gradient: Logits, policy: Logits) -> Logits:
    """What the gradient would be with all choices run, from those up to the drawn one.

    What a choice adds to the one before it is seen only where it or a larger one is
    drawn. Divided by the probability of that, it is as large on average as if it
    were always seen.
    """
    seen = jnp.cumsum(policy[:, ::-1], axis=-1)[:, ::-1]
    added = jnp.diff(gradient, axis=-1) / jnp.maximum(seen[:, 1:], RAREST)
    first = gradient[:, :1]
    return jnp.concatenate([first, first + jnp.cumsum(added, axis=-1)], axis=-1)


STRATEGY = Strategy(
    GdasController,
    make_gdas,
    "gradient",
    "gradients",
    "reward",
    "sites alone",
    "Dong and Yang 2019",
    needs=frozenset({"relaxed networks"}),
)
