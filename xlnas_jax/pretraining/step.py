"""One step: gradients of each loss by a sandwich of networks, then one update.

Gradients are one compiled program for each loss and length bucket, the update another:
so losses can be mixed in any step without a program for every combination.

References:
    Yu et al., "BigNAS", 2020, whose sandwich and in-place distillation it is.
    https://arxiv.org/abs/2003.11142
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, no_type_check

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key, UInt

from xlnas_jax.config.pretraining.pretrain import LOSSES, PretrainConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.pretraining.losses.base import Loss, PretrainParams, View
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.layers import Hidden, embed
from xlnas_jax.supernet.params import EmbeddingParams, HeadParams, SupernetParams
from xlnas_jax.supernet.supernet import DTYPES, Supernet, make_supernet
from xlnas_jax.training.learner import ONE_DEVICE, Layout
from xlnas_jax.training.methods.base import networks
from xlnas_jax.training.optimizer import apply_gradients, make_optimizer
from xlnas_jax.training.step import take_batch
from xlnas_jax.types import Architecture, Batch

# `(params, key, step, rows, index, weight) -> (loss, gradients)`.
GradientStep = Callable[..., tuple[Float[Array, ""], PretrainParams]]


@struct.dataclass
@no_type_check
class PretrainState:
    """All that a pretraining carries; the data position follows from the step.

    Attributes:
        step: of the optimizer, done so far.
        key: what every draw of a step is derived from; it never changes.
        data: a checksum of what is learnt from, which a run goes on with alone.
    """

    params: PretrainParams
    opt_state: Any
    step: Int[Array, ""]
    key: Key[Array, ""]
    data: UInt[Array, ""]


def as_train(config: PretrainConfig) -> TrainConfig:
    """What of it the optimizer of a search knows by the same names."""
    return TrainConfig(
        learning_rate=config.learning_rate,
        head_learning_rate=config.learning_rate,
        warmup_fraction=config.warmup_fraction,
        schedule=config.schedule,
        weight_decay=config.weight_decay,
        clip_norm=config.clip_norm,
    )


def init_state(
    config: PretrainConfig, params: PretrainParams, seed: int, data: int = 0
) -> PretrainState:
    """Before the first step."""
    tree: Any = params
    opt_state = jax.jit(_optimizer(config, params).init)(tree)
    zero = jnp.zeros((), jnp.int32)
    key, checksum = jax.random.key(seed), jnp.asarray(data, jnp.uint32)
    return PretrainState(params, opt_state, zero, key, checksum)


def _optimizer(
    config: PretrainConfig, params: PretrainParams
) -> optax.GradientTransformation:
    return make_optimizer(as_train(config), params, config.steps)


def supernet_of(
    config: PretrainConfig, space: SearchSpace, shape: EncoderShape
) -> Supernet:
    """The functions of the encoder that is pretrained."""
    return make_supernet(
        space,
        shape,
        "sliced",
        config.precision,
        config.dropout,
        remat_branches=True,
        remat_layers=config.remat,
    )


def make_gradients(
    losses: Mapping[str, Loss],
    config: PretrainConfig,
    space: SearchSpace,
    shape: EncoderShape,
    layout: Layout = ONE_DEVICE,
) -> dict[str, GradientStep]:
    """The gradient step of each loss, compiled once per length bucket."""
    supernet = supernet_of(config, space, shape)

    def make(loss: Loss) -> GradientStep:
        def step(
            params: PretrainParams,
            key: Key[Array, ""],
            number: Int[Array, ""],
            rows: Batch,
            index: Int[Array, " batch"],
            weight: Float[Array, " batch"],
        ) -> tuple[Float[Array, ""], PretrainParams]:
            key = jax.random.fold_in(key, number)
            key = jax.random.fold_in(key, LOSSES.index(loss.name))
            batch = layout.split(take_batch(rows, index, weight))
            whole = layout.gather(params)
            found, grads = sandwich(loss, config, supernet, space, shape)(
                whole, batch, key
            )
            # Whole first: else their parts would be exchanged within every layer.
            return found, layout.store(layout.gather(grads))

        return jax.jit(step)

    return {name: make(loss) for name, loss in losses.items()}


def sandwich(
    loss: Loss,
    config: PretrainConfig,
    supernet: Supernet,
    space: SearchSpace,
    shape: EncoderShape,
) -> Callable[..., tuple[Float[Array, ""], PretrainParams]]:
    """Builds `(params, batch, key) -> (loss, gradients)`: the mean over the networks.

    The largest learns by the loss, the smallest and random ones from what the largest
    says of the same batch.
    """
    dtype = DTYPES[config.precision]

    def run(params: PretrainParams, xs: Any, view: View, encode: Any) -> Any:
        own = SupernetParams(params.encoder, HeadParams())
        given = enumerate(zip(xs, view.texts, strict=True))
        hiddens = tuple(encode(own, x, text, number) for number, (x, text) in given)
        return loss.say(params, hiddens, view)

    def gradients(
        params: PretrainParams, batch: Batch, key: Key[Array, ""]
    ) -> tuple[Float[Array, ""], PretrainParams]:
        view_key, arch_key, drop_key = jax.random.split(key, 3)
        view = loss.view(view_key, batch)

        def embedded(tables: EmbeddingParams) -> tuple[Hidden, ...]:
            return tuple(
                embed(tables, shape, text.tokens, text.segments, dtype, places=places)
                for text, places in zip(view.texts, view.places, strict=True)
            )

        def full(own: SupernetParams, x: Hidden, text: Batch, number: int) -> Hidden:
            return supernet.encode_full(
                own, x, text, jax.random.fold_in(drop_key, number)
            )

        def lost(params: PretrainParams, xs: Any) -> tuple[Float[Array, ""], Any]:
            said = run(params, xs, view, full)
            return loss.lost(said, view), said

        xs, back = jax.vjp(embedded, params.encoder.embeddings)
        learn = jax.value_and_grad(lost, argnums=(0, 1), has_aux=True)
        (found, said), grads = learn(params, xs)
        if config.sandwich:
            teacher = jax.lax.stop_gradient(said)

            def apart(params: PretrainParams, xs: Any, arch: Architecture):
                def sub(own: SupernetParams, x: Hidden, text: Batch, number: int):
                    del number
                    return supernet.encode(own, x, text, arch)

                return loss.apart(run(params, xs, view, sub), teacher, view)

            def add(total: Any, arch: Architecture) -> tuple[Any, None]:
                part = jax.grad(apart, argnums=(0, 1))(params, xs, arch)
                return jax.tree.map(jnp.add, total, part), None

            archs = networks(space, arch_key, config.num_random)
            others = jax.tree.map(lambda leaf: leaf[1:], archs)
            grads, _ = jax.lax.scan(add, grads, others)
            count = 2 + config.num_random
            grads = jax.tree.map(lambda leaf: leaf / count, grads)
        own, of_tokens = grads
        # Every network shares the embedded tokens: one backward pass serves all. The
        # word table has gradients of its own as well, where the head is tied to it.
        (tables,) = back(of_tokens)
        tables = jax.tree.map(jnp.add, own.encoder.embeddings, tables)
        encoder = dataclasses.replace(own.encoder, embeddings=tables)
        return found, dataclasses.replace(own, encoder=encoder)

    return gradients


def make_update(
    config: PretrainConfig, params: PretrainParams, layout: Layout = ONE_DEVICE
) -> Callable[..., PretrainState]:
    """Builds `(state, gradients, factors) -> state` of one optimizer step.

    Args:
        params: of which structure; their values do not count.
    """
    optimizer = _optimizer(config, params)

    def update(
        state: PretrainState,
        grads: tuple[PretrainParams, ...],
        factors: tuple[Float[Array, ""], ...],
    ) -> PretrainState:
        total = _weighted(grads[0], factors[0])
        for one, factor in zip(grads[1:], factors[1:], strict=True):
            total = jax.tree.map(jnp.add, total, _weighted(one, factor))
        after = apply_gradients(optimizer, state.params, state.opt_state, total)
        own, opt_state = layout.store(after)
        done = state.step + 1
        return dataclasses.replace(state, params=own, opt_state=opt_state, step=done)

    return jax.jit(update, donate_argnums=0)


def _weighted(grads: PretrainParams, factor: Float[Array, ""]) -> PretrainParams:
    return jax.tree.map(lambda leaf: leaf * factor, grads)
