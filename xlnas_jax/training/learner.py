"""What training carries, and how it lies on the devices."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Int

from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.types import Batch


@struct.dataclass
class Learner:
    """What a weight step carries: weights, optimizer state and steps done.

    Attributes:
        method: the transfer method's own state, by task.
        warm_up: likewise of the warm-up's method; empty where there is no warm-up.
        average: the mean of the warm-up's checkpoints so far (`average`), without
            embeddings that are never trained; None where none is asked for.
    """

    params: SharedParams
    opt_state: optax.OptState
    step: Int[Array, ""]
    method: dict[str, Any] = struct.field(default_factory=dict)
    average: SharedParams | None = None
    warm_up: dict[str, Any] = struct.field(default_factory=dict)


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


def init_learner(
    params: SharedParams,
    optimizer: optax.GradientTransformation,
    method: dict[str, Any] | None = None,
    average: SharedParams | None = None,
    warm_up: dict[str, Any] | None = None,
) -> Learner:
    """Fresh optimizer state at step 0; `method` is the transfer method's own."""
    tree: Any = params
    zero = jnp.zeros((), jnp.int32)
    # One program: leaf by leaf, every shape of zeros would be one of its own.
    opt_state = jax.jit(optimizer.init)(tree)
    return Learner(params, opt_state, zero, method or {}, average, warm_up or {})
