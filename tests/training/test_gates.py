"""Gates share out updates: nothing, all, by layer, whatever form the weights have."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.models import SHAPE, as_shared, tiny_params, tiny_space
from tests.supernet.families.shapes import NAMES, params_of, shape_of, space_of
from xlnas_jax.supernet.fixed import cut_layers
from xlnas_jax.training.gate_controls import decayed, frozen, permuted, random_like
from xlnas_jax.training.gates import filled, gated, make_groups

SPACE = tiny_space()
LAYERS = SHAPE.num_layers
KINDS = ("layer", "sublayer", "tensor", "whole")


def updates():
    """Of every weight 1."""
    return jax.tree.map(jnp.ones_like, tiny_params())


def values(tree) -> set[float]:
    return {value for leaf in jax.tree.leaves(tree) for value in np.unique(leaf)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_of_the_encoder_has_a_gate_and_no_head_has_one(kind) -> None:
    groups = make_groups(SPACE, kind)
    found = gated(groups, filled(groups, 0.25), updates())
    assert values(found.encoder) == {0.25}
    assert values(found.head) == {1.0}
    shared = gated(groups, filled(groups, 0.25), as_shared(updates()))
    assert values(shared.heads) == {1.0}
    jax.tree.map(np.testing.assert_array_equal, shared.encoder, found.encoder)


def test_parts_are_layers_their_halves_or_tensors() -> None:
    names = {kind: make_groups(SPACE, kind).shapes for kind in KINDS}
    assert names["layer"] == {"embeddings": (), "layer": (LAYERS,)}
    halves = dict.fromkeys(("attention", "ffn", "norms"), (LAYERS,))
    assert names["sublayer"] == {"embeddings": (), **halves}
    assert names["whole"] == {"whole": ()}
    num = len(jax.tree.leaves(tiny_params().encoder))
    assert len(names["tensor"]) == num


@pytest.mark.parametrize("family", NAMES)
def test_what_the_layers_of_a_family_lack_has_no_gate(family: str) -> None:
    encoder, spec = params_of(family).encoder, shape_of(family).spec
    found = make_groups(space_of(family), "tensor", spec=spec).shapes
    paths = jax.tree_util.tree_leaves_with_path(encoder)
    names = {
        jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in paths
    }
    # What is behind the last layer takes all, as heads do; marks do not learn.
    own = {n.removeprefix("layers.") for n in names if not n.startswith("final_norm")}
    assert set(found) == {n.replace("more.", "") for n in own} - {"marks"}


def test_a_layer_has_its_own_gate_cut_out_or_not() -> None:
    groups = make_groups(SPACE, "sublayer")
    shares = np.arange(1.0, LAYERS + 1)
    gates = filled(groups, 0.0) | {"ffn": jnp.asarray(shares, jnp.float32)}
    layers = gated(groups, gates, updates()).encoder.layers
    np.testing.assert_array_equal(layers.up.kernel[:, 0, 0], shares)
    np.testing.assert_array_equal(layers.up.bias[:, 0], shares)
    assert not np.any(layers.query.kernel) and not np.any(layers.ffn_norm.scale)
    full = SPACE.values(np.asarray(SPACE.flatten(SPACE.largest())))
    row = SPACE.from_values({**full, "keep": [1, 0, 1]})
    cut = jax.tree.map(jnp.asarray, cut_layers(updates().encoder.layers, SPACE, row))
    # Each weight of a cut network takes the share of the layer that it came from.
    own = gated(groups, gates, {"layers": cut}, (0, 2))["layers"]
    expected = cut_layers(layers, SPACE, row)
    jax.tree.map(np.testing.assert_array_equal, own, expected)


def test_what_does_not_learn_is_left_alone() -> None:
    groups = make_groups(SPACE, "layer", with_embeddings=False)
    assert groups.shapes == {"layer": (LAYERS,)}
    given = updates()
    found = gated(groups, filled(groups, 0.5), given)
    assert found.encoder.embeddings.word is given.encoder.embeddings.word


def trained(gates, optimizer, num: int = 3):
    """Weights after steps on gradients that are drawn, each update gated."""
    groups, params = make_groups(SPACE, "layer"), tiny_params()
    state, rng = optimizer.init(params), np.random.default_rng(0)

    gate, add = jax.jit(functools.partial(gated, groups)), jax.jit(optax.apply_updates)

    @jax.jit
    def updated(params, state, grads):
        with jax.numpy_dtype_promotion("standard"):
            return optimizer.update(grads, state, params)

    for _ in range(num):
        grads = jax.tree.map(
            lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), params
        )
        found, state = updated(params, state, grads)
        # Not compiled with the sum: products are rounded before they are added.
        found = found if gates is None else gate(gates, found)
        params = add(params, found)
    return params


@functools.cache
def plain():
    return trained(None, optax.adamw(1e-3, weight_decay=0.1))


def test_gates_that_are_shut_set_to_zero_and_open_ones_change_nothing() -> None:
    base = optax.adamw(1e-3, weight_decay=0.1)
    groups = make_groups(SPACE, "layer")
    gates = {n: jax.nn.sigmoid(leaf) for n, leaf in filled(groups, 40.0).items()}
    gates["layer"] = jax.nn.sigmoid(jnp.asarray([-40.0] + [40.0] * (LAYERS - 1)))
    found = trained(gates, base)
    # Outside oracle: the same layers set to zero by optax, where they stand alone.
    is_shut = optax.partition({"go": base, "stop": optax.set_to_zero()}, labels)
    expected = trained(None, is_shut)
    first, same = (
        jax.tree.map(lambda leaf: leaf[0], one.encoder.layers)
        for one in (found, expected)
    )
    jax.tree.map(np.testing.assert_array_equal, first, same)
    for part in (lambda p: p.encoder.embeddings, lambda p: p.head):
        jax.tree.map(np.testing.assert_array_equal, part(found), part(plain()))
    upper, other = (
        jax.tree.map(lambda leaf: leaf[1:], one.encoder.layers)
        for one in (found, plain())
    )
    jax.tree.map(np.testing.assert_array_equal, upper, other)
    moved = np.abs(np.asarray(plain().encoder.layers.up.kernel[0] - first.up.kernel))
    assert moved.max() > 0


def labels(params):
    """All layers stand still."""
    of_layers = jax.tree.map(lambda _: "stop", params.encoder.layers)
    rest = jax.tree.map(lambda _: "go", params)
    return rest.replace(encoder=rest.encoder.replace(layers=of_layers))


def random_gates(seed: int = 0):
    groups = make_groups(SPACE, "sublayer")
    rng = np.random.default_rng(seed)
    return {
        name: jnp.asarray(rng.uniform(0.05, 0.95, shape), jnp.float32)
        for name, shape in groups.shapes.items()
    }


def row_of(gates) -> np.ndarray:
    """Of those that count."""
    names = sorted(set(gates) - {"norms"})
    return np.concatenate([np.ravel(gates[name]) for name in names])


@pytest.mark.parametrize("change", [random_like, permuted])
def test_controls_change_gates_that_count_and_keep_their_mean(change) -> None:
    gates = random_gates()
    live = {name: np.ones_like(leaf) for name, leaf in gates.items()}
    live["norms"] = np.zeros(LAYERS)
    found = change(gates, live, np.random.default_rng(1))
    np.testing.assert_array_equal(found["norms"], gates["norms"])
    one, other = map(row_of, (gates, found))
    assert other.mean() == pytest.approx(one.mean(), abs=1e-6)
    assert (np.abs(one - other) > 0).all()
    assert (other >= 0).all() and (other <= 1).all()
    if change is permuted:
        np.testing.assert_array_equal(np.sort(other), np.sort(one))


@pytest.mark.parametrize("seed", range(5))
def test_of_two_gates_the_other_is_taken(seed: int) -> None:
    gates = {"a": jnp.asarray(0.1), "b": jnp.asarray(0.9)}
    live = {"a": np.ones(()), "b": np.ones(())}
    found = permuted(gates, live, np.random.default_rng(seed))
    assert [float(found["a"]), float(found["b"])] == pytest.approx([0.9, 0.1])


def test_gates_by_depth() -> None:
    groups = make_groups(SPACE, "layer")
    slow = decayed(groups, 0.5)
    np.testing.assert_allclose(slow["layer"], [0.25, 0.5, 1.0])
    assert float(slow["embeddings"]) == 0.125
    still = frozen(groups, 2)
    np.testing.assert_array_equal(still["layer"], [0.0, 0.0, 1.0])
    assert float(still["embeddings"]) == 0.0
    np.testing.assert_array_equal(frozen(groups, 0)["layer"], np.ones(LAYERS))
