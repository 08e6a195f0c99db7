"""Gradients of what steps of learning lead to: of the weights before, and of gates.

Pure functions of losses, whatever the weights are.

References:
    Finn et al., "Model-agnostic meta-learning", 2017. https://arxiv.org/abs/1703.03400
    Nichol et al., "On first-order meta-learning algorithms", 2018.
    https://arxiv.org/abs/1803.02999
    Xu et al., "Soft layer selection with meta-learning for zero-shot cross-lingual
    transfer", 2021. https://arxiv.org/abs/2107.09840
"""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

Order = Literal["first", "second"]
Loss = Callable[[Any], Float[Array, ""]]
# `(params, opt_state, batch) -> (updates, opt_state)` of the optimizer, ungated.
Step = Callable[[Any, Any, Any], tuple[Any, Any]]
# `(phi, updates) -> updates` that are applied; linear in the second.
Gate = Callable[[Any, Any], Any]


def after_step(
    inner: Loss, outer: Loss, params: Any, rate: float, order: Order
) -> tuple[Float[Array, ""], Any]:
    """Loss `outer` after a step of plain descent on `inner`, and its gradient.

    Of the weights before the step: by the second order through it, by the first as if
    the step were the same wherever one starts.
    """

    def stepped(params: Any) -> Any:
        slope = jax.grad(inner)(params)
        return jax.tree.map(lambda w, g: w - rate * g, params, slope)

    if order == "first":
        return jax.value_and_grad(outer)(stepped(params))
    return jax.value_and_grad(lambda params: outer(stepped(params)))(params)


def unroll(
    step: Step, gate: Gate, phi: Any, start: tuple[Any, Any], batches: Any
) -> tuple[Any, Any]:
    """Weights after a gated step on each batch, and the sum of ungated updates.

    The optimizer sees ungated gradients: what Adam is given times a constant is to it
    the same, so that gates in front of it would do nothing.

    Args:
        start: weights and optimizer state. batches: stacked.
    """

    def body(carried: Any, batch: Any) -> tuple[Any, None]:
        params, opt_state, total = carried
        updates, opt_state = step(params, opt_state, batch)
        total = jax.tree.map(jnp.add, total, updates)
        params = optax.apply_updates(params, gate(phi, updates))
        return (params, opt_state, total), None

    params, opt_state = start
    nothing = jax.tree.map(jnp.zeros_like, params)
    # Recomputed on the way back, where there is one: a step's residuals at a time.
    first = params, opt_state, nothing
    (params, _, total), _ = jax.lax.scan(jax.checkpoint(body), first, batches)
    return params, total


def of_gates_first(
    loss: Loss, step: Step, gate: Gate, phi: Any, start: tuple[Any, Any], batches: Any
) -> tuple[Float[Array, ""], Any]:
    """Loss after the steps, and its gradient of `phi`, every update taken as given.

    For gates `s(phi_g)` that is `s'(phi_g) <grad_g loss, sum of updates_g>`: an update
    that agrees with descent on the loss has a negative product, and raises its gate.
    """
    params, total = unroll(step, gate, phi, start, batches)
    value, slope = jax.value_and_grad(loss)(params)

    def along(phi: Any) -> Float[Array, ""]:
        parts = jax.tree.map(jnp.vdot, slope, gate(phi, total))
        return jax.tree.reduce(jnp.add, parts)

    return value, jax.grad(along)(phi)


def of_gates_exact(
    loss: Loss, step: Step, gate: Gate, phi: Any, start: tuple[Any, Any], batches: Any
) -> tuple[Float[Array, ""], Any]:
    """The same, with what every step changes of those after it.

    Adam needs an `eps_root` above 0: a square root has no slope at 0.
    """

    def after(phi: Any) -> Float[Array, ""]:
        return loss(unroll(step, gate, phi, start, batches)[0])

    return jax.value_and_grad(after)(phi)
