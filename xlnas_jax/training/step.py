"""One weight step, whatever the transfer method."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.fixed import Row, encode_cut
from xlnas_jax.supernet.heads import sentence_vector
from xlnas_jax.supernet.params import EmbeddingParams, SharedParams, SupernetParams
from xlnas_jax.supernet.stages.mix import mix_of
from xlnas_jax.supernet.stages.tuned import kept_shares, shares_of
from xlnas_jax.supernet.streams.streams import cut_streams
from xlnas_jax.supernet.supernet import Seen, Supernet
from xlnas_jax.training.gradients import batch_gradients
from xlnas_jax.training.learner import ONE_DEVICE, Layout, Learner
from xlnas_jax.training.methods.base import Method, Network, Setting
from xlnas_jax.training.optimizer import apply_gradients, with_rate, with_scale
from xlnas_jax.training.places import with_shares
from xlnas_jax.types import Architecture, Batch, Said

# A compiled weight update of the encoder and the head of one task. `rows` holds a whole
# length bucket on the device; `index` says which of its rows make the batch, `weight`
# which of them count.
WeightStep = Callable[..., tuple[Learner, Float[Array, ""]]]
# Whose own state a method reads and writes: that of the rounds, or of the warm-up.
States = Literal["method", "warm_up"]


def take_batch(
    rows: Batch, index: Int[Array, " batch"], weight: Float[Array, " batch"]
) -> Batch:
    """The chosen rows of a bucket, with what stands beside them."""
    return _weighted(jax.tree.map(lambda leaf: leaf[index], rows), weight)


def _weighted(batch: Batch, weight: Float[Array, " batch"]) -> Batch:
    """Rows with these weights; what stands beside them counts where it is there."""
    other = batch.other
    if other is not None:
        other = _weighted(other, other.weight * weight)
    return dataclasses.replace(batch, weight=weight, other=other)


def network_of(supernet: Supernet, sees_layers: bool = False) -> Network:
    """A supernet as transfer methods run it.

    Args:
        sees_layers: what is said has the vectors of every layer.
    """

    def full(
        params: SupernetParams,
        x: Any,
        batch: Batch,
        arch: Architecture,
        key: Any = None,
    ) -> Said:
        if sees_layers:
            seen = supernet.see_full(params, x, batch, key)
            logits = supernet.read_out(params, seen.hidden, batch, arch, key)
            return _of_layers(logits, seen)
        hidden = supernet.encode_full(params, x, batch, key)
        logits = supernet.read_out(params, hidden, batch, arch, key)
        return Said(logits, sentence_vector(hidden, batch.mask))

    def sub(params: SupernetParams, x: Any, batch: Batch, arch: Architecture) -> Said:
        if sees_layers:
            seen = supernet.see(params, x, batch, arch)
            return _of_layers(supernet.read_out(params, seen.hidden, batch, arch), seen)
        hidden = supernet.encode(params, x, batch, arch)
        logits = supernet.read_out(params, hidden, batch, arch)
        return Said(logits, sentence_vector(hidden, batch.mask))

    embed, streams = embedding_of(supernet), supernet.streams(None)
    pick = functools.partial(supernet.pick, arch=None)
    return Network(full, sub, embed=embed, streams=streams, pick=pick)


def embedding_of(supernet: Supernet) -> Callable[[SupernetParams, Batch], Any]:
    """Tokens as the weights of one task embed them."""
    return lambda params, batch: supernet.embed(params.encoder.embeddings, batch)


def _of_layers(logits: Float[Array, "..."], seen: Seen) -> Said:
    layers = seen.vectors.swapaxes(0, 1)
    return Said(logits, layers[:, -1], layers, seen.kept)


def make_weight_step(
    method: Method,
    setting: Setting,
    supernet: Supernet,
    optimizer: optax.GradientTransformation,
    seed: int,
    name: str,
    layout: Layout = ONE_DEVICE,
    states: States = "method",
) -> WeightStep:
    """Builds `(learner, rows, index, weight) -> (learner, loss)` of the task `name`.

    Compiled once per length bucket.
    """
    step = weight_step(method, setting, supernet, optimizer, seed, name, layout, states)
    return jax.jit(step, donate_argnums=0)


def make_step_alone(
    method: Method,
    setting: Setting,
    supernet: Supernet,
    optimizer: optax.GradientTransformation,
    seed: int,
    name: str,
    layout: Layout = ONE_DEVICE,
) -> WeightStep:
    """Builds `(learner, network, factor, rows, index, weight) -> (learner, loss)`.

    One network is trained by itself, in the place of the whole: weights that it does
    not have get no gradients. Networks are data, so one program trains them all.
    Learning rates are those of `optimizer` times `factor`.
    """
    take = _step_alone(method, setting, supernet, optimizer, seed, name, layout)

    def step(
        learner: Learner,
        row: Int[Array, " site"],
        factor: Float[Array, ""],
        *given: Any,
    ) -> tuple[Learner, Float[Array, ""]]:
        return take(learner, any_network_of(setting, supernet, row), factor, *given)

    return jax.jit(step, donate_argnums=0)


def any_network_of(
    setting: Setting, supernet: Supernet, row: Int[Array, " site"]
) -> Network:
    """A network alone, in the place of the whole; which one is data."""
    sub = network_of(supernet, setting.config.kd_layers > 0).sub
    assert sub is not None
    arch = setting.space.unflatten(row)

    def full(params: Any, x: Any, batch: Batch, _: Any, key: Any = None) -> Said:
        del key  # trained without dropout
        return sub(params, x, batch, arch)

    embed, streams = embedding_of(supernet), supernet.streams(arch)
    how = {"shares": shares_of(setting.space, row), "mix": mix_of(setting.space, row)}
    how["pick"] = functools.partial(supernet.pick, arch=arch)
    return Network(full, embed=embed, streams=streams, **how)


def make_step_cut(
    method: Method,
    setting: Setting,
    supernet: Supernet,
    shape: EncoderShape,
    row: Row,
    optimizer: optax.GradientTransformation,
    seed: int,
    name: str,
    layout: Layout = ONE_DEVICE,
) -> WeightStep:
    """Builds `(learner, factor, rows, index, weight) -> (learner, loss)`.

    As `make_step_alone`, but of one network only, whose layers are cut to their own
    sizes (`fixed.cut_layers`): a step costs no more than what the network has, and a
    compilation of its own.
    """
    network = cut_network_of(setting, supernet, shape, row)
    take = _step_alone(method, setting, supernet, optimizer, seed, name, layout)

    def step(
        learner: Learner, factor: Float[Array, ""], *given: Any
    ) -> tuple[Learner, Float[Array, ""]]:
        return take(learner, network, factor, *given)

    return jax.jit(step, donate_argnums=0)


def _step_alone(
    method: Method,
    setting: Setting,
    supernet: Supernet,
    optimizer: optax.GradientTransformation,
    seed: int,
    name: str,
    layout: Layout,
) -> WeightStep:
    """`(learner, network, factor, rows, index, weight) -> (learner, loss)`.

    Not compiled; the network stands in the place of the whole.
    """

    def step(
        learner: Learner, network: Network, factor: Float[Array, ""], *given: Any
    ) -> tuple[Learner, Float[Array, ""]]:
        own = setting._replace(network=network)
        is_frozen = not setting.config.trains_embeddings
        scaled = optimizer
        if network.shares is not None:
            # Before the rate: a share of 1 then changes no bit, though a compiler joins
            # the last product with the sum.
            scaled = with_shares(scaled, network.shares)
        scaled = with_rate(scaled, factor, is_frozen)
        take = weight_step(method, own, supernet, scaled, seed, name, layout)
        return take(learner, *given)

    return step


def cut_network_of(
    setting: Setting, supernet: Supernet, shape: EncoderShape, row: Row
) -> Network:
    """A network of fixed sizes as transfer methods run it."""
    space, sees_layers = setting.space, setting.config.kd_layers > 0
    numbers = tuple(number for number, _ in space.layers(row))
    arch = space.unflatten(jnp.asarray(row, jnp.int32))
    pick = functools.partial(supernet.pick, arch=arch)
    is_kept = np.isin(np.arange(shape.num_layers), numbers).astype(np.float32)

    def full(
        params: SupernetParams, x: Any, batch: Batch, _: Any, key: Any = None
    ) -> Said:
        del key  # trained without dropout
        look = functools.partial(sentence_vector, mask=batch.mask)
        layers: Any = supernet.layers(params)
        x = pick(x)
        x, vectors = encode_cut(layers, space, shape, row, x, batch.mask, look)
        x = supernet.close(params, x)
        logits = supernet.read_out(params, x, batch, arch)
        if sees_layers:
            return _of_layers(logits, Seen(x, vectors, jnp.asarray(is_kept)))
        return Said(logits, sentence_vector(x, batch.mask))

    streams = cut_streams(row, space, shape, supernet.streams(None).read_out)
    embed = embedding_of(supernet)
    how = kept_shares(space, row), mix_of(space, np.asarray(row))
    return Network(full, None, embed, numbers, streams, *how, pick=pick)


def weight_step(
    method: Method,
    setting: Setting,
    supernet: Supernet,
    optimizer: optax.GradientTransformation,
    seed: int,
    name: str,
    layout: Layout,
    states: States = "method",
) -> WeightStep:
    """As `make_weight_step`, not compiled."""
    network = setting.network
    sees_all = method.draws and network.sub is not None

    def embedded(tables: EmbeddingParams, batch: Batch) -> Any:
        x = supernet.embed(tables, batch)
        return x if sees_all else network.pick(x)

    def gradients(learner: Learner, batch: Batch):
        params = layout.gather(learner.params.of_task(name))
        key = jax.random.fold_in(jax.random.key(seed), learner.step)
        state = getattr(learner, states).get(name, ())
        now = setting._replace(step=learner.step)
        given = method, now, embedded, state, params, batch, key
        loss, grads, state = batch_gradients(*given)
        if setting.weight != 1:  # else not a bit of the program is another
            grads = jax.tree.map(lambda leaf: leaf * setting.weight, grads)
        return loss, grads, state

    def update(learner: Learner, grads: SupernetParams, state: Any) -> Learner:
        before = learner.params, learner.opt_state
        heads = jax.tree.map(jnp.zeros_like, learner.params.heads)
        every = SharedParams(grads.encoder, {**heads, name: grads.head})
        own = optimizer
        if method.scale is not None:
            own = with_scale(own, functools.partial(method.scale, setting, state))
        after = apply_gradients(own, *before, every)
        params, opt_state = keep_other_heads(before, after, name)
        kept = dict(getattr(learner, states))
        if name in kept:
            kept[name] = state
        return dataclasses.replace(
            learner,
            params=params,
            opt_state=opt_state,
            step=learner.step + 1,
            **{states: kept},
        )

    def step(
        learner: Learner,
        rows: Batch,
        index: Int[Array, " batch"],
        weight: Float[Array, " batch"],
    ) -> tuple[Learner, Float[Array, ""]]:
        batch = layout.split(take_batch(rows, index, weight))
        loss, grads, state = gradients(learner, batch)
        # Whole first: else their parts would be exchanged within every layer.
        grads = layout.store(layout.gather(grads))
        return layout.store(update(learner, grads, state)), loss

    return step


def keep_other_heads(before: Any, after: Any, name: str) -> Any:
    """`after`, but with the heads of other tasks, and their moments, as before.

    Without it AdamW would go on moving a head by its old momentum, and decay it,
    in steps whose task does not use it.
    """

    def is_shared(node: Any) -> bool:
        return isinstance(node, SharedParams)

    def choose(old: Any, new: Any) -> Any:
        if not is_shared(new):
            return new
        return dataclasses.replace(new, heads={**old.heads, name: new.heads[name]})

    return jax.tree.map(choose, before, after, is_leaf=is_shared)
