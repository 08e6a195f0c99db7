"""The planted problem is what it says, and gates find what is planted."""

import functools
import importlib
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

SEEDS = 5


@pytest.fixture(scope="module")
def planted():
    return importlib.import_module("benchmarks.search.planted_gates")


@pytest.fixture(scope="module")
def problems(planted):
    return jax.jit(jax.vmap(planted.make_problem))(keys())


def keys():
    return jax.random.split(jax.random.key(1), SEEDS)


def test_the_first_layer_is_right_for_every_language_and_the_second_is_new(
    planted, problems
) -> None:
    one = jax.tree.map(lambda leaf: np.asarray(leaf[0]), problems)
    hidden = np.maximum(one.x_test @ one.start["first"].T, 0.0)
    rows = hidden.reshape(-1, planted.HIDDEN)
    # One second layer serves all; what is learnt from is noisy.
    found, *_ = np.linalg.lstsq(rows, one.y_test.ravel(), rcond=None)
    assert np.square(rows @ found - one.y_test.ravel()).mean() < 1e-6
    seen = np.maximum(one.x @ one.start["first"].T, 0.0) @ found
    noise = np.square(seen - one.y).mean()
    assert noise == pytest.approx(planted.NOISE**2, rel=0.2)
    assert np.square(found - one.start["second"]).sum() > 0.5


def test_gates_find_the_layer_that_must_stand_still_and_targets_gain(
    planted, problems, monkeypatch
) -> None:
    monkeypatch.setattr(planted, "META_RATE", 0.3)
    how = planted.Episodes(num=40, steps=40)
    phi = {name: jnp.full(SEEDS, planted.START) for name in ("first", "second")}
    learn = jax.jit(jax.vmap(functools.partial(planted.learn, how=how)))
    gates = jax.tree.map(jax.nn.sigmoid, learn(problems, keys(), phi))
    assert int((gates["first"] < gates["second"]).sum()) >= SEEDS - 1
    judge = jax.jit(jax.vmap(planted.train))
    ours, plain, swapped = (
        np.asarray(judge(problems, keys(), {"first": first, "second": second}))
        for first, second in (
            (gates["first"], gates["second"]),
            (jnp.ones(SEEDS), jnp.ones(SEEDS)),
            (gates["second"], gates["first"]),
        )
    )
    for other in (plain, swapped):
        assert int((ours < other).sum()) >= SEEDS - 1
        assert ours.mean() < other.mean()


def test_an_arm_is_beaten_where_a_sign_test_says_so(planted) -> None:
    ours, theirs = np.zeros(6), np.asarray([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    # Of five seeds that differ all are lower: one in 2**5.
    assert planted.beaten(ours, theirs) == {"won": 5, "of": 5, "p": 1 / 32}
    assert planted.beaten(theirs, ours)["p"] == 1.0
    assert planted.beaten(ours, ours) == {"won": 0, "of": 0, "p": 1.0}


@pytest.mark.slow
def test_a_quick_run_writes_every_arm(planted, tmp_path, monkeypatch) -> None:
    out = tmp_path / "planted_gates.json"
    command = ["benchmarks/search/planted_gates.py", "--quick", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", command)
    planted.main()
    found = json.loads(out.read_text())
    assert set(found["arms"]) >= {"learned", "open", "random", "permuted", "scalar"}
    gates = {name: one["gates"] for name, one in found["arms"].items()}
    assert gates["permuted"]["first"] == pytest.approx(gates["learned"]["second"])
    sums = [np.add(*gates[name].values()) for name in ("random", "learned")]
    np.testing.assert_allclose(*sums, rtol=1e-4)
