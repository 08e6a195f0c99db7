"""Training of the shared weights: full-network and sandwich steps.

A sandwich step updates the largest network from the labels and the smallest and
a few random ones from the largest's predictions (in-place distillation), in one
program with one optimizer update.

References:
    Yu et al., "BigNAS", 2020. https://arxiv.org/abs/2003.11142
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.train import TrainConfig
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import SharedParams, SupernetParams
from xlnas_jax.supernet.supernet import Supernet
from xlnas_jax.tasks.base import Losses, Task
from xlnas_jax.types import Architecture, Batch


@struct.dataclass
class Learner:
    """What a weight step carries: weights, optimizer state and steps done."""

    params: SharedParams
    opt_state: optax.OptState
    step: Int[Array, ""]


def _unchanged(tree: Any) -> Any:
    return tree


class Layout(NamedTuple):
    """How a weight step lies on the devices; by default it is on one.

    Attributes:
        split: a batch with its rows divided over the devices.
        gather: weights as they are used, whole on every device.
        store: weights, gradients or optimizer state as they are kept.
    """

    split: Callable[[Batch], Batch] = _unchanged
    gather: Callable[[Any], Any] = _unchanged
    store: Callable[[Any], Any] = _unchanged


ONE_DEVICE = Layout()


class WeightSteps(NamedTuple):
    """Compiled weight updates `(learner, rows, index, weight) -> (learner, loss)`.

    They update the encoder and the head of one task. `rows` holds a whole length
    bucket on the device; `index` says which of its rows make the batch, `weight`
    which of them count.
    """

    full: Callable[..., tuple[Learner, Float[Array, ""]]]
    sandwich: Callable[..., tuple[Learner, Float[Array, ""]]]


def make_optimizer(
    config: TrainConfig, params: Any, num_steps: int
) -> optax.GradientTransformation:
    """AdamW with warm-up, linear decay to zero and clipping by global norm.

    Biases and LayerNorms do not decay; the head, new where the encoder is
    pretrained, has a learning rate of its own; frozen leaves have no state.

    `params` are the supernet's, or those of one network alone.
    """
    warmup = max(1, round(config.warmup_fraction * num_steps))
    schedule = optax.join_schedules(
        [
            optax.linear_schedule(0.0, config.learning_rate, warmup),
            optax.linear_schedule(
                config.learning_rate, 0.0, max(1, num_steps - warmup)
            ),
        ],
        [warmup],
    )
    is_decayed = _decay_mask(params)
    is_head = jax.tree_util.tree_map_with_path(
        lambda path, _: _name(path[0]).startswith("head"), params
    )
    labels = jax.tree.map(lambda _: "train", params)
    if config.freeze_embeddings:
        frozen = jax.tree.map(lambda _: "freeze", params.encoder.embeddings)
        encoder = dataclasses.replace(labels.encoder, embeddings=frozen)
        labels = dataclasses.replace(labels, encoder=encoder)
    ratio = config.head_learning_rate / config.learning_rate
    learn = optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8),
        optax.add_decayed_weights(config.weight_decay, is_decayed),
        optax.scale_by_learning_rate(schedule),
        optax.masked(optax.scale(ratio), is_head),
    )
    return optax.partition({"train": learn, "freeze": optax.set_to_zero()}, labels)


def _decay_mask(params: Any) -> Any:
    """True for kernels and embedding tables, by their field names."""
    decayed = {"kernel", "word", "position", "segment"}

    def is_decayed(path: tuple, _: Float[Array, "..."]) -> bool:
        return _name(path[-1]) in decayed

    return jax.tree_util.tree_map_with_path(is_decayed, params)


def _name(entry: Any) -> str:
    """The field or key that one step of a path goes through."""
    return jax.tree_util.keystr((entry,), simple=True)


def init_learner(
    params: SharedParams, optimizer: optax.GradientTransformation
) -> Learner:
    """Fresh optimizer state at step 0."""
    tree: Any = params
    zero = jnp.zeros((), jnp.int32)
    # One program: leaf by leaf, every shape of zeros would be one of its own.
    opt_state = jax.jit(optimizer.init)(tree)
    return Learner(params=params, opt_state=opt_state, step=zero)


def apply_gradients(
    optimizer: optax.GradientTransformation,
    params: Any,
    opt_state: optax.OptState,
    grads: Any,
) -> tuple[Any, optax.OptState]:
    """Weights and optimizer state after one update."""
    # Optax's bias correction relies on implicit promotion; our own code does not.
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state


def take_batch(
    rows: Batch, index: Int[Array, " batch"], weight: Float[Array, " batch"]
) -> Batch:
    """The chosen rows of a bucket."""
    return dataclasses.replace(
        jax.tree.map(lambda leaf: leaf[index], rows), weight=weight
    )


def batch_loss(losses: Losses, weight: Float[Array, " batch"]) -> Float[Array, ""]:
    """Mean over the predictions of the rows that count."""
    count = (losses.num * weight).sum()
    return (losses.total * weight).sum() / jnp.maximum(count, 1.0)


def make_weight_steps(
    config: TrainConfig,
    supernet: Supernet,
    space: SearchSpace,
    task: Task,
    optimizer: optax.GradientTransformation,
    seed: int,
    name: str,
    layout: Layout = ONE_DEVICE,
) -> WeightSteps:
    """Builds both steps of the task `name`; compiled once per length bucket."""

    def step_key(learner: Learner) -> Key[Array, ""]:
        return jax.random.fold_in(jax.random.key(seed), learner.step)

    def full_loss(params: SupernetParams, x, batch: Batch, arch, key):
        logits = supernet.apply_full(params, x, batch, arch, key)
        return batch_loss(task.loss(logits, batch), batch.weight), logits

    def sub_loss(params: SupernetParams, x, batch: Batch, arch, teacher):
        logits = supernet.apply(params, x, batch, arch)
        losses = task.distill(logits, teacher, batch, config.kd_temperature)
        return batch_loss(losses, batch.weight)

    def update(learner: Learner, grads: SupernetParams) -> Learner:
        before = learner.params, learner.opt_state
        heads = jax.tree.map(jnp.zeros_like, learner.params.heads)
        every = SharedParams(grads.encoder, {**heads, name: grads.head})
        after = apply_gradients(optimizer, *before, every)
        params, opt_state = keep_other_heads(before, after, name)
        return Learner(params=params, opt_state=opt_state, step=learner.step + 1)

    def gradients(learner: Learner, batch: Batch, num_random: int | None):
        """Loss of the full network; gradients of it and, if asked, the others."""
        arch_key, drop_key = jax.random.split(step_key(learner))
        params = layout.gather(learner.params.of_task(name))
        archs = sandwich(space, arch_key, num_random or 0)
        first = jax.tree.map(lambda leaf: leaf[0], archs)
        x, embed_vjp = jax.vjp(
            lambda e: supernet.embed(e, batch), params.encoder.embeddings
        )
        run = jax.value_and_grad(full_loss, argnums=(0, 1), has_aux=True)
        (loss, logits), grads = run(params, x, batch, first, drop_key)
        if num_random is not None:
            teacher = jax.lax.stop_gradient(logits)

            def add(total, arch: Architecture):
                part = jax.grad(sub_loss, argnums=(0, 1))(
                    params, x, batch, arch, teacher
                )
                return jax.tree.map(jnp.add, total, part), None

            others = jax.tree.map(lambda leaf: leaf[1:], archs)
            total, _ = jax.lax.scan(add, grads, others)
            count = 2 + num_random
            grads = jax.tree.map(lambda g: g / count, total)
        # Every network shares the embedded tokens: one backward pass serves all.
        grads, x_grad = grads
        (table_grads,) = embed_vjp(x_grad)
        encoder = dataclasses.replace(grads.encoder, embeddings=table_grads)
        return loss, dataclasses.replace(grads, encoder=encoder)

    def make_step(num_random: int | None):
        def step(learner: Learner, rows: Batch, index, weight):
            batch = layout.split(take_batch(rows, index, weight))
            loss, grads = gradients(learner, batch, num_random)
            # Whole first: else their parts would be exchanged within every layer.
            grads = layout.store(layout.gather(grads))
            return layout.store(update(learner, grads)), loss

        return jax.jit(step, donate_argnums=0)

    return WeightSteps(full=make_step(None), sandwich=make_step(config.num_random))


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


def sandwich(space: SearchSpace, key: Key[Array, ""], num_random: int) -> Architecture:
    """Largest, smallest and random architectures, in that order.

    Knobs without an order (pooling) have no largest choice: they are drawn anew
    for every network, so that each choice learns from the labels too.
    """
    random = space.sample_valid(key, num_random + 2)
    ends = jax.tree.map(
        lambda a, b: jnp.stack([a, b]), space.largest(), space.smallest()
    )
    choices = {}
    for knob in space.knobs:
        drawn = random[knob.name]
        ordered = jnp.concatenate([ends[knob.name], drawn[2:]])
        choices[knob.name] = ordered if knob.is_ordered else drawn
    return Architecture(choices=choices)
