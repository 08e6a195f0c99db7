"""A recurrent policy that draws choice after choice, for knobs that interact.

A gated recurrent unit reads what was chosen before and says how likely each choice
of the next site is: layer by layer, first whether the layer is kept. A skipped
layer's choices are 0 for certain, so that the policy is one over networks. It learns
by REINFORCE with the leave-one-out baseline, exact under rejection (see
`reinforce`); the entropy bonus is part of the reward, `-log pi` of each candidate,
whose expected gradient is that of the entropy given feasibility.

References:
    Pham et al., "Efficient neural architecture search via parameter sharing" (ENAS),
    2018. https://arxiv.org/abs/1802.03268
    Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
    https://arxiv.org/abs/1406.1078
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.controller import AutoregressiveController
from xlnas_jax.controllers.base import (
    Controller,
    Setting,
    Strategy,
    Told,
    choice_mask,
    scalarise,
    usable,
)
from xlnas_jax.controllers.reinforce import ABSENT, ADAM_EPSILON, advantages
from xlnas_jax.controllers.variation import Sites, canonical, make_sites
from xlnas_jax.space.space import SearchSpace


@struct.dataclass
class Policy:
    """Weights of the recurrent policy; sites stand in the order of drawing.

    Attributes:
        start: what is read before the first choice. chosen: what is read after each.
        gates_in, gates_back, gates: update, reset and candidate, side by side.
        heads, bias: from the recurrent state to the logits of a site's choices.
    """

    start: Float[Array, " hidden"]
    chosen: Float[Array, "site choice hidden"]
    gates_in: Float[Array, "hidden gates"]
    gates_back: Float[Array, "hidden gates"]
    gates: Float[Array, " gates"]
    heads: Float[Array, "site hidden choice"]
    bias: Float[Array, "site choice"]


@struct.dataclass
class AutoregressiveState:
    """The policy and its optimizer.

    Attributes:
        opt_state: moments of Adam.
        round: how many populations were told.
    """

    policy: Policy
    opt_state: optax.OptState
    round: Int[Array, ""]


class Order(NamedTuple):
    """In which order sites are drawn, and what is known of each then.

    Attributes:
        site: the columns of flattened architectures, as they are drawn.
        mask: True where a site has that choice.
        owner: the number of the draw that kept or skipped its layer; -1 where the
            choice always matters.
        is_kept: for each choice of such a draw, whether it keeps the layer.
    """

    site: Int[np.ndarray, " site"]
    mask: Bool[np.ndarray, "site choice"]
    owner: Int[np.ndarray, " site"]
    is_kept: Bool[np.ndarray, " choice"]


def make_order(space: SearchSpace, sites: Sites) -> Order:
    """Layer by layer, each beginning with whether it is kept; then all else."""
    layers = space.gate.sites
    columns = np.arange(len(space.num_choices))
    layer = np.full(len(columns), layers)
    for knob in space.knobs:
        if knob is space.gate or knob.needs_layer:
            layer[space.columns(knob.name)] = np.arange(knob.sites)
    keeps = columns[sites.gate]
    order = np.lexsort((columns, ~np.isin(columns, keeps), layer))
    owned = sites.layer[order]
    owner = np.where(owned < 0, -1, np.argsort(order)[keeps[owned]])
    mask = np.asarray(choice_mask(space.num_choices))[order]
    return Order(order, mask, owner, sites.is_kept)


def init_policy(key: Key[Array, ""], order: Order, hidden: int) -> Policy:
    """Random recurrence under heads of zero: every choice starts equally likely."""
    sites, choices = order.mask.shape
    start_key, chosen_key, in_key, back_key = jax.random.split(key, 4)
    scale = hidden**-0.5
    return Policy(
        start=jax.random.normal(start_key, (hidden,)),
        chosen=jax.random.normal(chosen_key, (sites, choices, hidden)),
        gates_in=scale * jax.random.normal(in_key, (hidden, 3 * hidden)),
        gates_back=scale * jax.random.normal(back_key, (hidden, 3 * hidden)),
        gates=jnp.zeros(3 * hidden),
        heads=jnp.zeros((sites, hidden, choices)),
        bias=jnp.zeros((sites, choices)),
    )


def sample(policy: Policy, order: Order, key: Key[Array, ""]) -> Int[Array, " site"]:
    """Draws one architecture, in canonical form."""
    keys = jax.random.split(key, len(order.site))

    def pick(log_probs: Float[Array, " choice"], number: Int[Array, ""]):
        return jax.random.categorical(keys[number], log_probs)

    drawn, _ = _walk(policy, order, pick)
    return jnp.zeros_like(drawn).at[order.site].set(drawn)


def log_prob(
    policy: Policy, order: Order, row: Int[Array, " site"]
) -> Float[Array, ""]:
    """Log-probability of drawing an architecture, given in canonical form."""
    drawn = row[order.site]
    return _walk(policy, order, lambda _, number: drawn[number])[1]


def _walk(policy: Policy, order: Order, pick):
    """Goes through the sites; `pick` chooses at each from its log-probabilities."""
    mask, owner = jnp.asarray(order.mask), jnp.asarray(order.owner)
    only_first = jnp.arange(order.mask.shape[1]) == 0

    def draw(carry, number):
        state, read, drawn, total = carry
        state = _recur(policy, state, read)
        logits = state @ policy.heads[number] + policy.bias[number]
        keeps_layer = jnp.asarray(order.is_kept)[drawn[owner[number]]]
        is_void = (owner[number] >= 0) & ~keeps_layer
        is_there = jnp.where(is_void, only_first, mask[number])
        log_probs = jax.nn.log_softmax(jnp.where(is_there, logits, ABSENT))
        choice = pick(log_probs, number)
        drawn = drawn.at[number].set(choice)
        read = policy.chosen[number, choice]
        return (state, read, drawn, total + log_probs[choice]), None

    sites = len(order.site)
    start = (
        jnp.zeros_like(policy.start),
        policy.start,
        jnp.zeros(sites, jnp.int32),
        jnp.zeros(()),
    )
    numbers = jnp.arange(sites, dtype=jnp.int32)
    (_, _, drawn, total), _ = jax.lax.scan(draw, start, numbers)
    return drawn, total


def _recur(
    policy: Policy, state: Float[Array, " hidden"], read: Float[Array, " hidden"]
) -> Float[Array, " hidden"]:
    """One step of a gated recurrent unit."""
    forward = jnp.split(read @ policy.gates_in + policy.gates, 3)
    back = jnp.split(state @ policy.gates_back, 3)
    update = jax.nn.sigmoid(forward[0] + back[0])
    reset = jax.nn.sigmoid(forward[1] + back[1])
    candidate = jnp.tanh(forward[2] + reset * back[2])
    return (1 - update) * candidate + update * state


def policy_gradient(
    policy: Policy,
    order: Order,
    rows: Int[Array, "pop site"],
    reward: Float[Array, " pop"],
    is_valid: Bool[Array, " pop"],
    bonus: Float[Array, ""],
) -> Policy:
    """Unbiased estimate of the gradient of `E[reward | feasible] + bonus * entropy`.

    The entropy is that of the policy given feasibility.
    """

    def ascended(policy: Policy) -> Float[Array, ""]:
        log_probs = jax.vmap(log_prob, (None, None, 0))(policy, order, rows)
        total = reward - bonus * jax.lax.stop_gradient(log_probs)
        advantage = advantages(total, is_valid)
        num_valid = is_valid.sum().astype(reward.dtype)
        return (advantage * log_probs).sum() / jnp.maximum(num_valid, 1)

    return jax.grad(ascended)(policy)


def make_autoregressive(
    config: AutoregressiveController, setting: Setting
) -> Controller:
    """Adam ascent on the reward of `scalarise` plus an annealed entropy bonus.

    The bonus falls linearly from `config.entropy` in the first round to
    `config.final_entropy` in the last. A population with fewer than two valid
    candidates teaches nothing: the round passes, the policy stays.
    """
    sites = make_sites(setting.space)
    order = make_order(setting.space, sites)
    optimizer = optax.adam(config.learning_rate, eps=ADAM_EPSILON)
    bonus = optax.linear_schedule(
        config.entropy, config.final_entropy, max(setting.num_rounds - 1, 1)
    )

    def init(key: Key[Array, ""]) -> AutoregressiveState:
        policy = init_policy(key, order, config.hidden)
        return AutoregressiveState(
            policy, optimizer.init(_weights(policy)), round=jnp.zeros((), jnp.int32)
        )

    def ask(
        state: AutoregressiveState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        keys = jax.random.split(key, num)
        return jax.vmap(sample, (None, None, 0))(state.policy, order, keys)

    def tell(state: AutoregressiveState, told: Told) -> AutoregressiveState:
        is_valid = usable(told)
        reward = scalarise(told.objectives, setting.cost_scale, config.cost_weight)
        rows = canonical(sites, told.indices)
        ascent = policy_gradient(
            state.policy, order, rows, reward, is_valid, entropy_bonus(state)
        )
        # Inside optax a float meets an integer count: its own promotion rules.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(
                jax.tree.map(jnp.negative, ascent), state.opt_state
            )
        learnt = (optax.apply_updates(_weights(state.policy), updates), opt_state)
        # Adam's momentum would move the policy even on a gradient of zero.
        policy, opt_state = jax.tree.map(
            lambda new, old: jnp.where(is_valid.sum() >= 2, new, old),
            learnt,
            (state.policy, state.opt_state),
        )
        return AutoregressiveState(policy, opt_state, state.round + 1)

    def entropy_bonus(state: AutoregressiveState) -> Float[Array, ""]:
        return jnp.asarray(bonus(state.round), jnp.float32)

    def summary(state: AutoregressiveState) -> dict[str, Float[Array, "..."]]:
        return {"entropy_bonus": entropy_bonus(state)}

    return Controller(init, ask, tell, summary)


def _weights(policy: Policy) -> Any:
    """The same, under the name that optax has for any tree."""
    return policy


STRATEGY = Strategy(
    AutoregressiveController,
    make_autoregressive,
    "policy gradient",
    "scores",
    "reward",
    "interactions",
    "Pham et al. 2018",
    min_population=2,
)
