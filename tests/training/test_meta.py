"""Gradients through steps: closed forms, finite differences and PyTorch's own."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from xlnas_jax.training.meta import after_step, of_gates_exact, of_gates_first, unroll

RATE = 0.1


def quadratic(seed: int):
    """Curvature and optimum of a loss `(x - c)' A (x - c) / 2`."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 4))
    return root @ root.T + np.eye(4), rng.normal(size=4)


def loss_of(curve, params):
    matrix, centre = curve
    return (params - centre) @ matrix @ (params - centre) / 2


@pytest.mark.parametrize("order", ["first", "second"])
def test_through_a_step_on_a_quadratic_it_is_the_closed_form(order: str) -> None:
    (a, c), (b, d) = quadratic(0), quadratic(1)
    start = np.random.default_rng(2).normal(size=4)
    stepped = start - RATE * a @ (start - c)
    slope = b @ (stepped - d)
    # What the first order leaves out is the step's own slope.
    expected = (np.eye(4) - RATE * a).T @ slope if order == "second" else slope
    with jax.enable_x64(True):
        inner = functools.partial(loss_of, (a, c))
        outer = functools.partial(loss_of, (b, d))
        value, found = after_step(inner, outer, jnp.asarray(start), RATE, order)
    assert float(value) == pytest.approx((stepped - d) @ b @ (stepped - d) / 2)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def network(tanh, params, x, y):
    """Mean squared error of two layers, in any library's arrays."""
    return ((tanh(x @ params["first"]) @ params["second"] - y) ** 2).mean()


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"first": rng.normal(size=(3, 5)), "second": rng.normal(size=(5, 2))}


def rows(seed: int, num: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(num, 3)), rng.normal(size=(num, 2))


@pytest.mark.parametrize("order", ["first", "second"])
def test_through_a_step_of_a_network_it_is_that_of_pytorch(order: str) -> None:
    torch = pytest.importorskip("torch")
    support, query = rows(1), rows(2)
    start = {name: torch.tensor(leaf) for name, leaf in weights().items()}
    inner, outer = (
        functools.partial(network, torch.tanh, x=torch.tensor(x), y=torch.tensor(y))
        for x, y in (support, query)
    )

    def after(params):
        slope = torch.func.grad(inner)(params)
        if order == "first":
            slope = {name: leaf.detach() for name, leaf in slope.items()}
        return outer({n: params[n] - RATE * slope[n] for n in params})

    expected, value = torch.func.grad_and_value(after)(start)
    with jax.enable_x64(True):
        ours = [
            functools.partial(network, jnp.tanh, x=jnp.asarray(x), y=jnp.asarray(y))
            for x, y in (support, query)
        ]
        params = jax.tree.map(jnp.asarray, weights())
        loss, found = after_step(ours[0], ours[1], params, RATE, order)
    assert float(loss) == pytest.approx(float(value), rel=1e-12)
    for name, leaf in expected.items():
        np.testing.assert_allclose(found[name], leaf, rtol=1e-9, atol=1e-12)


def gate(phi, updates):
    return {name: jax.nn.sigmoid(phi[name]) * leaf for name, leaf in updates.items()}


def program(optimizer: optax.GradientTransformation):
    """Three steps of support, and the loss on a query, of `network`."""
    params = jax.tree.map(jnp.asarray, weights())
    three = [rows(seed) for seed in (1, 2, 3)]
    batches = tuple(jnp.stack([jnp.asarray(one[k]) for one in three]) for k in (0, 1))

    def step(params, opt_state, batch):
        grads = jax.grad(functools.partial(network, jnp.tanh))(params, *batch)
        with jax.numpy_dtype_promotion("standard"):
            return optimizer.update(grads, opt_state, params)

    x, y = map(jnp.asarray, rows(4))
    loss = functools.partial(network, jnp.tanh, x=x, y=y)
    return loss, step, (params, optimizer.init(params)), batches


ADAM = optax.adamw(0.05, eps_root=1e-16, weight_decay=0.1)
PHI = np.asarray([0.3, -1.2])


def by_name(values) -> dict[str, jax.Array]:
    return {"first": values[0], "second": values[1]}


@functools.cache
def found() -> dict[str, tuple]:
    """Loss and slopes of the gates, every way; and what the closed form is made of."""

    def every(values):
        loss, step, start, batches = program(ADAM)

        def still(params, opt_state, batch):
            return jax.lax.stop_gradient(step(params, opt_state, batch))

        given = gate, by_name(values), start, batches
        params, total = unroll(step, *given)
        slope = jax.grad(loss)(params)
        along = {name: jnp.vdot(slope[name], total[name]) for name in total}
        return {
            "first": of_gates_first(loss, step, *given),
            "still": of_gates_exact(loss, still, *given),
            "exact": of_gates_exact(loss, step, *given),
            "parts": (loss(params), along),
        }

    with jax.enable_x64(True):
        return jax.device_get(jax.jit(every)(PHI))


def test_gates_of_the_first_order_have_the_slope_of_the_closed_form() -> None:
    value, slope = found()["first"]
    loss, along = found()["parts"]
    assert float(value) == pytest.approx(float(loss), rel=1e-12)
    for name, logit in by_name(PHI).items():
        share = 1 / (1 + np.exp(-logit))
        expected = share * (1 - share) * along[name]
        np.testing.assert_allclose(slope[name], expected, rtol=1e-10)


def test_they_have_that_of_the_program_whose_updates_are_constants() -> None:
    value, slope = found()["first"]
    same, expected = found()["still"]
    assert float(value) == pytest.approx(float(same), rel=1e-12)
    for name in slope:
        np.testing.assert_allclose(slope[name], expected[name], rtol=1e-5)


def test_exact_gates_have_the_slope_of_finite_differences() -> None:
    width = 1e-5

    def after(values):
        loss, step, start, batches = program(ADAM)
        return loss(unroll(step, gate, by_name(values), start, batches)[0])

    _, exact = found()["exact"]
    with jax.enable_x64(True):
        value = jax.jit(after)
        for number, name in enumerate(exact):
            along = width * np.eye(2)[number]
            slope = (value(PHI + along) - value(PHI - along)) / (2 * width)
            np.testing.assert_allclose(exact[name], slope, rtol=1e-5)
    # And what the first order leaves out is not nothing.
    assert abs(found()["first"][1]["first"] / exact["first"] - 1) > 1e-3


def test_without_a_gradient_adam_still_has_a_slope() -> None:
    loss, step, start, batches = program(ADAM)
    # An input that is always 0 gives its weights no gradient at all.
    batches = (batches[0].at[..., 0].set(0.0), batches[1])
    run = jax.jit(
        lambda values: of_gates_exact(
            loss, step, gate, by_name(values), start, batches
        )[1]
    )
    assert all(np.isfinite(leaf) for leaf in run(np.float32(PHI)).values())


def test_an_update_that_helps_opens_its_gate() -> None:
    target = {"good": jnp.asarray(1.0), "bad": jnp.asarray(-1.0)}

    def loss(params):
        return sum((params[name] - target[name]) ** 2 for name in target)

    def step(params, opt_state, batch):
        return jax.tree.map(jnp.ones_like, params), opt_state

    start = {"good": jnp.asarray(0.0), "bad": jnp.asarray(0.0)}
    phi = {"good": jnp.asarray(-3.0), "bad": jnp.asarray(-3.0)}
    given = loss, step, gate, phi, (start, ()), jnp.zeros(2)
    for slope in (of_gates_first(*given)[1], of_gates_exact(*given)[1]):
        assert float(slope["good"]) < 0 < float(slope["bad"])


def test_a_gate_before_adam_would_do_nothing() -> None:
    """Which is why updates are gated, and not gradients."""
    loss, _, start, _ = program(optax.adam(0.05, eps=1e-30))
    shut = {"first": jnp.asarray(-3.0), "second": jnp.asarray(-3.0)}
    grads = jax.grad(loss)(start[0])
    optimizer = optax.adam(0.05, eps=1e-30)
    with jax.numpy_dtype_promotion("standard"):
        plain, _ = optimizer.update(grads, start[1])
        before, _ = optimizer.update(gate(shut, grads), start[1])
    after = gate(shut, plain)
    for name in shut:
        np.testing.assert_allclose(before[name], plain[name], rtol=1e-5)
        share = float(jax.nn.sigmoid(-3.0))
        np.testing.assert_allclose(after[name], share * plain[name], rtol=1e-5)
