"""REINFORCE on factorised logits: one categorical per site of the space.

Hard limits are met by rejection, so the policy that is learnt is the policy
given feasibility, `pi(a | feasible)`. Its score is `grad log pi(a) - grad log Z`;
with the mean reward of feasible candidates as baseline the second term vanishes
in expectation, and with the mean of the *other* candidates, the leave-one-out
baseline, so does the bias of a finite population. No baseline, or a stale
moving average, would be biased here, not merely noisy.

References:
    Williams, "Simple statistical gradient-following algorithms for connectionist
    reinforcement learning", 1992. https://doi.org/10.1007/BF00992696
    Kool et al., "Buy 4 REINFORCE samples, get a baseline for free!", 2019.
    https://openreview.net/forum?id=r1lgTGL5DE
"""

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.controller import ReinforceController
from xlnas_jax.controllers.base import (
    Controller,
    Strategy,
    Told,
    choice_mask,
    scalarise,
    usable,
)

# Finite, unlike -inf: 0 * -inf would be NaN. Its exponential is an exact 0.
ABSENT = -1e9
# Where all candidates agree the gradient is 0 up to rounding, about 1e-8. Adam
# divides by its size, and with optax's epsilon of 1e-8 noise would be a full step.
ADAM_EPSILON = 1e-5


@struct.dataclass
class ReinforceState:
    """The policy and its optimizer.

    Attributes:
        logits: unnormalised log-probabilities; choices a site lacks stay at 0
            and are masked wherever logits are used.
        opt_state: moments of Adam.
        round: how many populations were told.
    """

    logits: Float[Array, "site choice"]
    opt_state: optax.OptState
    round: Int[Array, ""]


def log_policy(
    logits: Float[Array, "site choice"], mask: Bool[Array, "site choice"]
) -> Float[Array, "site choice"]:
    """Log-probability of each choice at each site; very low for absent ones."""
    return jax.nn.log_softmax(jnp.where(mask, logits, ABSENT), axis=-1)


def entropy(
    logits: Float[Array, "site choice"], mask: Bool[Array, "site choice"]
) -> Float[Array, ""]:
    """Entropy of the whole policy in nats: the sum over its independent sites."""
    log_probs = log_policy(logits, mask)
    return -jnp.where(mask, jnp.exp(log_probs) * log_probs, 0).sum()


def policy_gradient(
    logits: Float[Array, "site choice"],
    mask: Bool[Array, "site choice"],
    indices: Int[Array, "pop site"],
    reward: Float[Array, " pop"],
    is_valid: Bool[Array, " pop"],
) -> Float[Array, "site choice"]:
    """Unbiased estimate of the gradient of `E[reward | feasible]`.

    The baseline of a candidate is the mean reward of the other valid ones; with
    fewer than two of them there is none, and the estimate is zero.
    """
    chosen = jax.nn.one_hot(indices, logits.shape[1], dtype=logits.dtype)
    score = chosen - jnp.exp(log_policy(logits, mask))[None]
    num_valid = is_valid.sum().astype(reward.dtype)
    total = jnp.einsum("p,psc->sc", advantages(reward, is_valid), score)
    return total / jnp.maximum(num_valid, 1)


def advantages(
    reward: Float[Array, " pop"], is_valid: Bool[Array, " pop"]
) -> Float[Array, " pop"]:
    """Each valid candidate's reward above the mean of the other valid ones.

    Zero for all where fewer than two are valid, since there are no others then.
    """
    num_valid = is_valid.sum().astype(reward.dtype)
    reward = jnp.where(is_valid, reward, 0)
    others = (reward.sum() - reward) / jnp.maximum(num_valid - 1, 1)
    return jnp.where(is_valid & (num_valid >= 2), reward - others, 0)


def make_reinforce(
    config: ReinforceController,
    num_choices: tuple[int, ...],
    num_rounds: int,
    cost_scale: tuple[float, ...],
) -> Controller:
    """Adam ascent on the reward of `scalarise` plus an annealed entropy bonus.

    The bonus falls linearly from `config.entropy` in the first round to
    `config.final_entropy` in the last. A population with fewer than two valid
    candidates teaches nothing: the round passes, the policy stays.

    Args:
        num_choices: how many choices each site has (`SearchSpace.num_choices`).
        cost_scale: the full network's cost, for each objective after the first.
    """
    mask = choice_mask(num_choices)
    optimizer = optax.adam(config.learning_rate, eps=ADAM_EPSILON)
    bonus = optax.linear_schedule(
        config.entropy, config.final_entropy, max(num_rounds - 1, 1)
    )

    def init(key: Key[Array, ""]) -> ReinforceState:
        del key  # the policy starts uniform
        logits = jnp.zeros(mask.shape, jnp.float32)
        return ReinforceState(
            logits, optimizer.init(logits), round=jnp.zeros((), jnp.int32)
        )

    def ask(
        state: ReinforceState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        log_probs = log_policy(state.logits, mask)
        return jax.random.categorical(key, log_probs, shape=(num, len(num_choices)))

    def tell(state: ReinforceState, told: Told) -> ReinforceState:
        is_valid = usable(told)
        reward = scalarise(told.objectives, cost_scale, config.cost_weight)
        ascent = policy_gradient(state.logits, mask, told.indices, reward, is_valid)
        ascent += bonus(state.round) * jax.grad(entropy)(state.logits, mask)
        # Inside optax a float meets an integer count: its own promotion rules.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(-ascent, state.opt_state)
        learnt = (optax.apply_updates(state.logits, updates), opt_state)
        # Adam's momentum would move the policy even on a gradient of zero.
        logits, opt_state = jax.tree.map(
            lambda new, old: jnp.where(is_valid.sum() >= 2, new, old),
            learnt,
            (state.logits, state.opt_state),
        )
        return ReinforceState(logits, opt_state, state.round + 1)

    def summary(state: ReinforceState) -> dict[str, Float[Array, "..."]]:
        return {
            "probabilities": jnp.exp(log_policy(state.logits, mask)),
            "entropy": entropy(state.logits, mask),
            "entropy_bonus": jnp.asarray(bonus(state.round), jnp.float32),
        }

    return Controller(init, ask, tell, summary)


STRATEGY = Strategy(
    ReinforceController,
    lambda config, setting: make_reinforce(
        config, setting.space.num_choices, setting.num_rounds, setting.cost_scale
    ),
    "policy gradient",
    "scores",
    "reward",
    "sites alone",
    "Williams 1992",
    min_population=2,
)
