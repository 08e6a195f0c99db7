"""Soft layer selection: each part of the encoder takes a learned share of its update.

A re-implementation from the abstract of the paper: no code of it is public, so what it
leaves open (what has a gate, how many steps and episodes) is an option here, and no
figure of it is claimed.

Before the first step, episodes simulate transfer without labels: one auxiliary language
is held out, a few steps are taken on rows of the others and of the source, and gates
learn from the loss on the one that was held out. Weights of an episode are thrown away:
training begins where the first of them did, with gates that do not change any more. In
episodes the learning rate is the highest of that training throughout, and moments begin
at zero.

References:
    Xu et al., "Soft layer selection with meta-learning for zero-shot cross-lingual
    transfer", 2021. https://arxiv.org/abs/2107.09840
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.training.gate_controls import decayed, frozen, permuted, random_like
from xlnas_jax.training.gates import Gates, Groups, filled, gated, make_groups
from xlnas_jax.training.meta import of_gates_exact, of_gates_first
from xlnas_jax.training.methods import finetune
from xlnas_jax.training.methods.base import (
    Method,
    Setting,
    Start,
    loss_of_whole,
    whole,
)
from xlnas_jax.training.optimizer import make_optimizer
from xlnas_jax.training.places import Places, with_shares
from xlnas_jax.types import Batch

# Under the root of Adam's second moment, of the size of its `eps`: the root then has a
# slope where a gradient is 0, and steps are what they were.
_EPS_ROOT = 1e-16


def groups_of(setting: Setting) -> Groups:
    """What has a gate."""
    config = setting.config
    kind = "whole" if config.gates.kind == "scalar" else config.gates.granularity
    embeddings = config.trains_embeddings
    return make_groups(setting.space, kind, embeddings, setting.spec)


def init(setting: Setting, key: Key[Array, ""]) -> Gates:
    """All open, until they are learnt."""
    del key
    return filled(groups_of(setting), 1.0)


def prepare(setting: Setting, start: Start, key: Key[Array, ""]) -> Gates:
    """The gates to train by."""
    config, groups = setting.config.gates, groups_of(setting)
    if config.kind == "open":
        return filled(groups, 1.0)
    if config.kind == "decay":
        return decayed(groups, config.decay_rate)
    if config.kind == "frozen":
        return frozen(groups, config.frozen_layers)
    episode_key, control_key = jax.random.split(key)
    phi = _learnt(setting, groups, start, episode_key)
    gates = jax.tree.map(jax.nn.sigmoid, phi)
    if config.kind in ("learned", "scalar"):
        return gates
    # Gates of what a network does not have never move.
    is_live = {
        name: np.asarray(leaf) != np.float32(config.start) for name, leaf in phi.items()
    }
    rng = np.random.default_rng(np.asarray(jax.random.key_data(control_key)))
    change = random_like if config.kind == "random" else permuted
    return change(gates, is_live, rng)


def scale(setting: Setting, state: Gates, updates: Any) -> Any:
    """The updates, each times its gate: after Adam, what decays included."""
    return gated(groups_of(setting), state, updates, setting.network.numbers)


def _learnt(
    setting: Setting, groups: Groups, start: Start, key: Key[Array, ""]
) -> Gates:
    """Logits of the gates after all episodes."""
    config = setting.config.gates
    outer = optax.adam(config.meta_rate)
    run = jax.jit(_make_episode(setting, groups, start, outer))
    phi = filled(groups, config.start)
    carried = phi, outer.init(phi)
    for number in range(config.episodes):
        own_key = jax.random.fold_in(key, np.uint32(number))
        given = start.draw(config.inner_steps + 1)
        carried = run(carried, start.params, *given, own_key)
    return carried[0]


def _make_episode(
    setting: Setting,
    groups: Groups,
    start: Start,
    outer: optax.GradientTransformation,
) -> Callable[..., Any]:
    """`(carried, params, rows, index, weight, key) -> carried` of one episode."""
    config = setting.config.gates
    is_exact = config.mode == "exact"
    numbers, layers = setting.network.numbers, setting.space.gate.sites
    places = None if numbers is None else Places(numbers, layers)
    eps_root = _EPS_ROOT if is_exact else 0.0
    train = make_optimizer(setting.config, start.params, None, places, eps_root)
    if setting.network.shares is not None:
        train = with_shares(train, setting.network.shares)
    slope_of = of_gates_exact if is_exact else of_gates_first

    def step(params: Any, opt_state: Any, given: tuple[Batch, Any]) -> tuple[Any, Any]:
        batch, key = given
        arch_key, drop_key = jax.random.split(key)
        arch = whole(setting.space, arch_key)
        grads = jax.grad(
            lambda params: loss_of_whole(setting, params, batch, arch, drop_key)
        )(params)
        # As in `apply_gradients`.
        with jax.numpy_dtype_promotion("standard"):
            return train.update(grads, opt_state, params)

    def gate(phi: Gates, updates: Any) -> Any:
        shares = jax.tree.map(jax.nn.sigmoid, phi)
        return gated(groups, shares, updates, setting.network.numbers)

    def episode(
        carried: Any,
        params: Any,
        rows: Batch,
        index: Int[Array, "step batch"],
        weight: Float[Array, "step batch"],
        key: Key[Array, ""],
    ) -> Any:
        phi, outer_state = carried
        held_key, arch_key, step_key = jax.random.split(key, 3)
        every = dataclasses.replace(
            jax.tree.map(lambda leaf: leaf[index], rows), weight=weight
        )
        last = jax.tree.map(lambda leaf: leaf[-1], every)
        held = held_out(held_key, last, setting.auxiliary)
        query = start.split(query_of(last, held))
        support = support_of(jax.tree.map(lambda leaf: leaf[:-1], every), held)
        support = jax.vmap(start.split)(support)
        arch = whole(setting.space, arch_key)
        _, slope = slope_of(
            lambda params: loss_of_whole(setting, params, query, arch),
            step,
            gate,
            phi,
            (params, train.init(params)),
            (support, jax.random.split(step_key, len(index) - 1)),
        )
        # An episode that lacks rows teaches nothing.
        is_whole = (support.weight.sum(-1) > 0).all() & (query.weight.sum() > 0)
        slope = jax.tree.map(lambda g: jnp.where(is_whole, g, 0.0), slope)
        with jax.numpy_dtype_promotion("standard"):
            found, outer_state = outer.update(slope, outer_state)
        return optax.apply_updates(phi, found), outer_state

    return episode


def held_out(key: Key[Array, ""], batch: Batch, num: int) -> Int[Array, ""]:
    """One auxiliary language, drawn alike among those that the batch has rows of."""
    languages = jnp.arange(1, num + 1, dtype=jnp.int32)
    is_own = batch.language[None] == languages[:, None]
    is_there = (is_own & (batch.weight > 0)[None]).any(-1)
    chances = jnp.where(is_there, 0.0, -jnp.inf)
    return languages[jax.random.categorical(key, chances)]


def support_of(batches: Batch, held: Int[Array, ""]) -> Batch:
    """Batches in which rows of the language that is held out do not count."""
    weight = jnp.where(batches.language == held, 0.0, batches.weight)
    return dataclasses.replace(batches, weight=weight)


def query_of(batch: Batch, held: Int[Array, ""]) -> Batch:
    """A batch in which only rows of that language count, as of one never seen.

    So without an output layer of its own.
    """
    head = None if batch.head is None else jnp.full_like(batch.head, -1)
    weight = jnp.where(batch.language == held, batch.weight, 0.0)
    return dataclasses.replace(batch, weight=weight, head=head)


METHOD = Method(
    "soft_layers",
    "after Xu et al. 2021",
    finetune.gradients,
    init=init,
    prepare=prepare,
    scale=scale,
    needs=frozenset({"source", "auxiliary"}),
    # With one, gates would be those of that language.
    least_auxiliary=2,
)
