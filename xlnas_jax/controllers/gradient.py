"""What gradient strategies share: a factorised policy, and how it learns and draws.

A strategy estimates the gradient of the loss in the logits of every site's choices;
here it is joined by what the limits ask for, and taken by Adam. Limits enter twice.
While searching, the excess of expected costs is penalised; and the architecture that
the policy stands for is the most probable one *within the limits*, never the most
probable one as such.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.controller import GradientController
from xlnas_jax.controllers.base import (
    Controller,
    RelaxedLosses,
    Setting,
    Told,
    choice_mask,
)
from xlnas_jax.controllers.reinforce import entropy, log_policy
from xlnas_jax.space.constraints import limits
from xlnas_jax.space.decode import make_decode
from xlnas_jax.space.expected import make_expected_costs

Logits = Float[Array, "site choice"]
# Adam divides by the gradient's size; rounding noise, 1e-8, must not be a full step.
ADAM_EPSILON = 1e-6


@struct.dataclass
class GradientState:
    """The policy and its optimizer.

    Attributes:
        logits: unnormalised log-probabilities; choices a site lacks stay at 0.
        opt_state: moments of Adam.
        round: how many populations were told.
        skipped: steps not taken, since their gradient was not finite.
    """

    logits: Logits
    opt_state: optax.OptState
    round: Int[Array, ""]
    skipped: Int[Array, ""]


# The gradient of the loss in the logits, from one batch.
Estimate = Callable[[GradientState, RelaxedLosses, Key[Array, ""]], Logits]
Summary = Callable[[GradientState], dict[str, Float[Array, "..."]]]


def make_gradient(
    config: GradientController,
    setting: Setting,
    estimate: Estimate,
    more_summary: Summary = lambda state: {},
) -> Controller:
    """A strategy that learns from `estimate` alone: scores it is told teach nothing.

    Of what is asked for, the first is the most probable feasible architecture, the
    others are draws from the policy.
    """
    mask = choice_mask(setting.space.num_choices)
    given = limits(setting.constraints)
    expected = make_expected_costs(setting.costs, given)
    optimizer = optax.chain(
        optax.add_decayed_weights(config.weight_decay),
        optax.adam(config.learning_rate, b1=0.5, b2=0.999, eps=ADAM_EPSILON),
    )

    def policy(logits: Logits) -> Logits:
        return jnp.exp(log_policy(logits, mask))

    def penalty(logits: Logits) -> Float[Array, ""]:
        excess = jax.nn.relu(expected(policy(logits)) - 1)
        return config.penalty * excess.sum()

    def init(key: Key[Array, ""]) -> GradientState:
        del key  # the policy starts uniform
        logits = jnp.zeros(mask.shape, jnp.float32)
        zero = jnp.zeros((), jnp.int32)
        return GradientState(logits, optimizer.init(logits), round=zero, skipped=zero)

    def refine(
        state: GradientState, losses: RelaxedLosses, key: Key[Array, ""]
    ) -> GradientState:
        gradient = estimate(state, losses, key) + jax.grad(penalty)(state.logits)
        # Inside optax a float meets an integer count: its own promotion rules.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(
                gradient, state.opt_state, state.logits
            )
        learnt = (optax.apply_updates(state.logits, updates), opt_state)
        is_finite = jnp.isfinite(gradient).all()
        logits, opt_state = jax.tree.map(
            lambda new, old: jnp.where(is_finite, new, old),
            learnt,
            (state.logits, state.opt_state),
        )
        skipped = state.skipped + (~is_finite).astype(jnp.int32)
        return GradientState(logits, opt_state, state.round, skipped)

    @jax.jit
    def tell(state: GradientState, told: Told) -> GradientState:
        del told
        return dataclasses.replace(state, round=state.round + 1)

    @jax.jit
    def summary(state: GradientState) -> dict[str, Float[Array, "..."]]:
        ratios = expected(policy(state.logits))
        names = (f"expected_{name}_over_limit" for name in given)
        return {
            "probabilities": policy(state.logits),
            "entropy": entropy(state.logits, mask),
            "skipped_steps": state.skipped.astype(jnp.float32),
            **dict(zip(names, ratios, strict=True)),
            **more_summary(state),
        }

    return Controller(
        init,
        _make_ask(setting),
        tell,
        summary,
        is_compiled=False,
        wants_distinct=True,
        learns_from_any=True,
        refine=refine,
    )


def _make_ask(setting: Setting):
    """The most probable feasible architecture, then draws."""
    space = setting.space
    mask = choice_mask(space.num_choices)
    decode = make_decode(setting.costs, setting.constraints)
    log_probabilities = jax.jit(lambda logits: log_policy(logits, mask))

    @functools.partial(jax.jit, static_argnums=2)
    def draw(log_probs: Logits, key: Key[Array, ""], num: int):
        shape = (num, len(space.num_choices))
        return jax.random.categorical(key, log_probs, shape=shape).astype(jnp.int32)

    # A state is asked many times until enough candidates are found.
    @functools.lru_cache(maxsize=1)
    def decoded(log_probs: bytes) -> tuple[int, ...]:
        table = np.frombuffer(log_probs, np.float32).reshape(mask.shape)
        return tuple(int(index) for index in decode(table))

    def ask(
        state: GradientState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        log_probs = log_probabilities(state.logits)
        first = decoded(np.asarray(log_probs).tobytes())
        rows = np.array(draw(log_probs, key, num))
        rows[0] = first
        return jax.device_put(rows)

    return ask
