"""What layers are made of, with backward passes of their own.

Autodiff keeps every step of a norm or an activation for the way back, and transposes a
product so that XLA on CPU copies what flows back into another order, which took a third
of a weight step. Here each keeps one array, and products go back as products of whole
matrices. They are differentiable as often as one likes, in reverse mode alone.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.supernet.params import Norm

Hidden = Float[Array, "batch seq model"]


def product(x: Array, kernel: Array, axes: int = 1) -> Array:
    """The last `axes` axes of `x` times the first ones of `kernel`."""
    return _product(axes, x, kernel)


def layer_norm(x: Hidden, norm: Norm, epsilon: float) -> Hidden:
    """Normalises the last axis, in float32."""
    return _layer_norm(epsilon, x, norm)


def gelu(x: Array) -> Array:
    """Exact GELU by erf.

    `jax.nn.gelu` takes erfc, which costs about twice as much on CPU and is more
    exact only where the result is next to nothing.
    """
    return _gelu(x)


def _tensordot(axes: int, x: Array, kernel: Array) -> Array:
    return jnp.tensordot(x, kernel, axes)


def _product_forward(axes: int, x: Array, kernel: Array) -> tuple[Array, Any]:
    return _tensordot(axes, x, kernel), (x, kernel)


def _product_backward(axes: int, kept: Any, grad: Array) -> tuple[Array, Array]:
    x, kernel = kept
    rows = math.prod(x.shape[: x.ndim - axes])
    inner, outer = math.prod(kernel.shape[:axes]), math.prod(kernel.shape[axes:])
    flat = grad.reshape(rows, outer)
    of_x = _contract(flat, kernel.reshape(inner, outer), 1)
    of_kernel = _contract(x.reshape(rows, inner), flat, 0)
    return of_x.reshape(x.shape), of_kernel.reshape(kernel.shape)


def _contract(one: Array, other: Array, axis: int) -> Array:
    """Two matrices over the same axis of both."""
    return jax.lax.dot_general(one, other, (((axis,), (axis,)), ((), ())))


_product: Any = functools.partial(jax.custom_vjp, nondiff_argnums=(0,))(_tensordot)
_product.defvjp(_product_forward, _product_backward)


def _normal(x: Hidden, epsilon: float) -> tuple[Array, Array]:
    """Without mean and of variance one, and what it was multiplied by for that."""
    wide = x.astype(jnp.float32)
    centred = wide - wide.mean(-1, keepdims=True)
    variance = jnp.square(centred).mean(-1, keepdims=True)
    inverse = jax.lax.rsqrt(variance + epsilon)
    return centred * inverse, inverse


def _norm(epsilon: float, x: Hidden, norm: Norm) -> Hidden:
    return _norm_forward(epsilon, x, norm)[0]


def _norm_forward(epsilon: float, x: Hidden, norm: Norm) -> tuple[Hidden, Any]:
    normal, inverse = _normal(x, epsilon)
    scaled = normal * norm.scale[None, None, :]
    # Nothing to keep: what has no leaves is no array.
    has_bias = None if norm.bias is None else ()
    if norm.bias is not None:
        scaled = scaled + norm.bias[None, None, :]
    return scaled.astype(x.dtype), (normal, inverse, norm.scale, has_bias)


def _norm_backward(epsilon: float, kept: Any, grad: Hidden) -> tuple[Hidden, Norm]:
    del epsilon
    normal, inverse, scale, has_bias = kept
    wide = grad.astype(jnp.float32)
    own = wide * scale[None, None, :]
    along = normal * (own * normal).mean(-1, keepdims=True)
    of_x = inverse * (own - own.mean(-1, keepdims=True) - along)
    of_scale = (wide * normal).sum((0, 1))
    of_bias = None if has_bias is None else wide.sum((0, 1))
    return of_x.astype(grad.dtype), Norm(of_scale, of_bias)


_layer_norm: Any = functools.partial(jax.custom_vjp, nondiff_argnums=(0,))(_norm)
_layer_norm.defvjp(_norm_forward, _norm_backward)


def _of(x: Array, value: float) -> Array:
    return jnp.asarray(value, x.dtype)


def _erf_gelu(x: Array) -> Array:
    return _of(x, 0.5) * x * (1 + jax.lax.erf(x * _of(x, 0.5**0.5)))


def _gelu_backward(x: Array, grad: Array) -> tuple[Array]:
    below = _of(x, 0.5) * (1 + jax.lax.erf(x * _of(x, 0.5**0.5)))
    density = jnp.exp(x * x * _of(x, -0.5)) * _of(x, (2.0 * math.pi) ** -0.5)
    return (grad * (below + x * density),)


_gelu: Any = jax.custom_vjp(_erf_gelu)
_gelu.defvjp(lambda x: (_erf_gelu(x), x), _gelu_backward)
