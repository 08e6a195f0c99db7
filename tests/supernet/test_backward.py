"""Backward passes written by hand are those of autodiff."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

from xlnas_jax.supernet.backward import gelu, layer_norm, product
from xlnas_jax.supernet.params import Norm


def draw(number: int, *shape: int) -> jax.Array:
    drawn = np.random.default_rng(number).standard_normal(shape, np.float32)
    return jnp.asarray(drawn)


@pytest.mark.parametrize(
    ("shape", "kernel", "axes"),
    [
        ((2, 5, 6), (6, 3, 4), 1),
        ((2, 5, 3, 4), (3, 4, 6), 2),
        ((2, 5, 6), (6, 7), 1),
        ((5, 6), (6, 0), 1),
    ],
)
def test_a_product_is_that_of_numpy_and_so_are_its_gradients(
    shape, kernel, axes
) -> None:
    x, w = draw(0, *shape), draw(1, *kernel)
    found = jax.jit(lambda x, w: product(x, w, axes))(x, w)
    np.testing.assert_allclose(found, np.tensordot(x, w, axes), atol=1e-5)
    toward = draw(2, *found.shape)

    def ours(x, w):
        return (product(x, w, axes) * toward).sum()

    def theirs(x, w):
        return (jnp.tensordot(x, w, axes) * toward).sum()

    both = jax.jit(lambda x, w: [jax.grad(f, (0, 1))(x, w) for f in (ours, theirs)])
    for one, other in zip(*both(x, w), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_all_are_differentiable_twice() -> None:
    x, w = draw(0, 2, 3, 4), draw(1, 4, 4)
    norm = Norm(scale=1.0 + 0.1 * draw(2, 4), bias=draw(3, 4))

    def run(x, w, norm):
        return layer_norm(gelu(product(x, w)), norm, 1e-5)

    def slope(x, w, norm):
        return jax.grad(lambda *a: jnp.sin(run(*a)).sum(), (0, 1, 2))(x, w, norm)

    # Of the slope along one direction: finite differences, in float32.
    given, toward = (x, w, norm), (draw(4, 2, 3, 4), draw(5, 4, 4))
    step = 1e-3

    def along(x, w, norm):
        parts = slope(x, w, norm)
        return sum((a * b).sum() for a, b in zip(parts, toward, strict=False))

    found = jax.jit(jax.grad(along))(*given)
    near = jax.jit(slope)
    moved = [near(x + s * toward[0], w + s * toward[1], norm)[0] for s in (step, -step)]
    np.testing.assert_allclose(found, (moved[0] - moved[1]) / (2 * step), 1e-3, 2e-2)


def test_gelu_and_its_slope_are_exact() -> None:
    at = np.linspace(-6.0, 6.0, 201)
    below = 0.5 * (1.0 + erf(at / np.sqrt(2.0)))
    slope = below + at * np.exp(-0.5 * at**2) / np.sqrt(2.0 * np.pi)
    x = jnp.asarray(at, jnp.float32)
    found, by_hand = jax.jit(jax.vmap(jax.value_and_grad(gelu)))(x)
    np.testing.assert_allclose(found, at * below, atol=2e-6)
    np.testing.assert_allclose(by_hand, slope, atol=2e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_a_norm_goes_back_as_autodiff_does(dtype) -> None:
    x = (3.0 + 2.0 * draw(0, 2, 3, 8)).astype(dtype)
    norm = Norm(scale=1.0 + 0.1 * draw(1, 8), bias=draw(2, 8))
    toward = draw(3, 2, 3, 8)

    def plain(x, norm):
        wide = x.astype(jnp.float32)
        normal = (wide - wide.mean(-1, keepdims=True)) / jnp.sqrt(
            wide.var(-1, keepdims=True) + 1e-5
        )
        return (normal * norm.scale[None, None] + norm.bias[None, None]).astype(x.dtype)

    def along(run):
        return lambda x, norm: (run(x, norm).astype(jnp.float32) * toward).sum()

    @functools.partial(jax.jit, static_argnums=0)
    def value_and_slopes(run, x, norm):
        return run(x, norm), jax.grad(along(run), (0, 1))(x, norm)

    close = 1e-4 if dtype == jnp.float32 else 5e-2
    found, expected = (
        jax.tree.leaves(value_and_slopes(run, x, norm))
        for run in (lambda x, norm: layer_norm(x, norm, 1e-5), plain)
    )
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(
            np.asarray(one, np.float32), np.asarray(other, np.float32), atol=close
        )
