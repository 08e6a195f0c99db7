"""AdamW as the weights are trained with, and one step of it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import optax
from jaxtyping import Array, Float

from xlnas_jax.config.train import TrainConfig
from xlnas_jax.training.places import (
    FREEZE,
    TRAIN,
    Places,
    by_place,
    labels_of,
    places_of,
)
from xlnas_jax.training.schedules import schedule_of


def make_optimizer(
    config: TrainConfig,
    params: Any,
    num_steps: int | None,
    places: Places | None = None,
    eps_root: float = 0.0,
) -> optax.GradientTransformation:
    """AdamW with a schedule (`schedule_of`) and clipping by global norm.

    Biases and LayerNorms do not decay; the head, new where the encoder is
    pretrained, has a learning rate of its own; what else is trained, and how fast, goes
    by its place (`places`), and frozen leaves have no state. With
    `rounds_learning_rate` a second schedule follows the warm-up of a search, in which
    all weights have that rate.

    `params` are the supernet's, or those of one network alone. Without `num_steps` the
    rate neither rises nor falls: whoever takes a step says it (`with_rate`).

    Args:
        places: of the layers that are there, if they are not all.
        eps_root: above 0 a step has a slope even where a gradient is 0.
    """
    ratio = config.head_learning_rate / config.learning_rate
    own: optax.GradientTransformation = optax.scale(ratio)
    later, first = config.rounds_learning_rate, config.pretune_steps
    if num_steps is None:
        schedule = optax.constant_schedule(config.learning_rate)
    elif later is None or not 0 < first < num_steps:
        schedule = schedule_of(config, config.learning_rate, num_steps)
    else:
        schedule = optax.join_schedules(
            [
                schedule_of(config, config.learning_rate, first),
                schedule_of(config, later, num_steps - first),
            ],
            [first],
        )
        steps = [optax.constant_schedule(ratio), optax.constant_schedule(1.0)]
        own = optax.scale_by_schedule(optax.join_schedules(steps, [first]))
    is_decayed = _decay_mask(params)
    is_head = jax.tree_util.tree_map_with_path(
        lambda path, _: _name(path[0]).startswith("head"), params
    )
    learn = optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8, eps_root=eps_root),
        optax.add_decayed_weights(config.weight_decay, is_decayed),
        optax.scale_by_learning_rate(schedule),
        optax.masked(own, is_head),
    )
    places = places or places_of(params)
    labels = labels_of(config, params, places)
    every = optax.partition({TRAIN: learn, FREEZE: optax.set_to_zero()}, labels)
    return by_place(every, config, params, places)


def with_rate(
    optimizer: optax.GradientTransformation,
    factor: Float[Array, ""],
    is_frozen: bool = False,
) -> optax.GradientTransformation:
    """The same with all learning rates times a factor, which may be traced.

    The state is that of `optimizer`. What decays does so by the rate, so it is scaled
    alike.

    Args:
        is_frozen: embeddings are not trained. Nothing is added to them as long as it
            is a plain zero: times a factor it would be read and written whole.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        found: Any
        found, state = optimizer.update(updates, state, params)
        scaled = jax.tree.map(lambda leaf: leaf * factor, found)
        if is_frozen:
            embeddings = found.encoder.embeddings
            encoder = dataclasses.replace(scaled.encoder, embeddings=embeddings)
            scaled = dataclasses.replace(scaled, encoder=encoder)
        return scaled, state

    return optax.GradientTransformation(optimizer.init, update)


def with_scale(
    optimizer: optax.GradientTransformation, scale: Callable[[Any], Any]
) -> optax.GradientTransformation:
    """The same, whose updates are changed before they are added to the weights."""

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        found, state = optimizer.update(updates, state, params)
        return scale(found), state

    return optax.GradientTransformation(optimizer.init, update)


def _decay_mask(params: Any) -> Any:
    """True for kernels and embedding tables, by their field names."""
    decayed = {"kernel", "word", "position", "segment", "relative"}

    def is_decayed(path: tuple, _: Float[Array, "..."]) -> bool:
        return _name(path[-1]) in decayed

    return jax.tree_util.tree_map_with_path(is_decayed, params)


def _name(entry: Any) -> str:
    """The field or key that one step of a path goes through."""
    return jax.tree_util.keystr((entry,), simple=True)


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
