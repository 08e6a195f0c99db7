"""Gates learn from a language that is held out, and from nothing else of it."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, random_batch
from tests.training.toys import LAYERS, SPACE, toy_params, toy_setting
from xlnas_jax.config.methods.gates import GatesConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.training.methods import soft_layers
from xlnas_jax.training.methods.base import Setting, Start
from xlnas_jax.types import Batch

STEPS, SIZE = 2, 6
KEY = jax.random.key(5)
OPEN = float(jax.nn.sigmoid(2.0))


def setting(**gates: Any) -> Setting:
    given = {"inner_steps": STEPS, "episodes": 2, "granularity": "sublayer", **gates}
    config = TrainConfig(
        learning_rate=0.05, head_learning_rate=0.05, gates=GatesConfig(**given)
    )
    return toy_setting(config)


def rows() -> Batch:
    """Those of the last batch are of the source and of language 1 alone."""
    made = random_batch(0, (STEPS + 1) * SIZE, 6)
    languages = [0, 1, 2, 0, 1, 2] * STEPS + [0, 1, 1, 0, 1, 1]
    return dataclasses.replace(
        made,
        language=jnp.asarray(languages, jnp.int32),
        weight=jnp.ones(len(languages)),
    )


def with_labels(batch: Batch, is_changed: list[bool]) -> Batch:
    other = (batch.label + 1) % NUM_LABELS
    return dataclasses.replace(
        batch, label=jnp.where(jnp.asarray(is_changed), other, batch.label)
    )


def drawn(batch: Batch, count: int):
    index = np.arange(count * SIZE, dtype=np.int32).reshape(count, SIZE)
    return batch, index, np.ones((count, SIZE), np.float32)


def learnt(own: Setting, batch: Batch) -> dict[str, np.ndarray]:
    draw = functools.partial(drawn, batch)
    start = Start(toy_params(), draw, lambda batch: batch)
    return jax.device_get(soft_layers.prepare(own, start, KEY))


@functools.cache
def gates_of(kind: str) -> dict[str, np.ndarray]:
    return learnt(setting(kind=kind), rows())


IS_QUERY = np.repeat([False] * STEPS + [True], SIZE)
IS_HELD = np.asarray(rows().language) == 1


@pytest.mark.parametrize(
    ("is_changed", "is_same"),
    [
        (IS_QUERY ^ IS_HELD, True),
        (~IS_QUERY & ~IS_HELD, False),
        (IS_QUERY & IS_HELD, False),
    ],
    ids=["neither", "steps", "query"],
)
def test_steps_are_on_other_languages_and_gates_learn_from_the_one_held_out(
    is_changed, is_same
) -> None:
    """Of the held-out language labels count at the end alone, of others before it."""
    other = learnt(setting(), with_labels(rows(), is_changed))
    pairs = [np.array_equal(leaf, other[n]) for n, leaf in gates_of("learned").items()]
    assert all(pairs) is is_same


def assert_moved(found) -> None:
    # Toys have no attention and no norms.
    np.testing.assert_allclose(found["attention"], OPEN, rtol=1e-6)
    np.testing.assert_allclose(found["norms"], OPEN, rtol=1e-6)
    assert (np.abs(found["ffn"] - OPEN) > 1e-4).all()
    assert abs(found["embeddings"] - OPEN) > 1e-4
    assert all(np.all((leaf > 0) & (leaf < 1)) for leaf in found.values())


def test_gates_move_of_what_is_there() -> None:
    assert_moved(gates_of("learned"))


@pytest.mark.slow
def test_exact_gates_move_of_what_is_there() -> None:
    found = learnt(setting(mode="exact"), rows())
    assert_moved(found)
    assert (found["ffn"] != gates_of("learned")["ffn"]).any()


def test_the_first_episode_moves_gates_against_the_closed_form() -> None:
    found = learnt(setting(episodes=1, meta_rate=0.1, granularity="layer"), rows())
    logits = np.log(found["layer"] / (1 - found["layer"])) - 2.0
    along = np.asarray(jax.jit(by_hand)(rows()))
    # The first step of Adam is of full size.
    np.testing.assert_allclose(logits, -0.1 * np.sign(along), rtol=1e-3)


def by_hand(batch: Batch):
    """Of each layer, how the loss at the end goes along the sum of its updates."""
    own, params, held = setting(), toy_params(), jnp.asarray(1, jnp.int32)
    loss = functools.partial(soft_layers.loss_of_whole, own, arch=SPACE.largest())
    optimizer = soft_layers.make_optimizer(own.config, params, None)
    state, steps = optimizer.init(params), []

    def part(number: int) -> Batch:
        return jax.tree.map(lambda x: x[number * SIZE : (number + 1) * SIZE], batch)

    for number in range(STEPS):
        support = soft_layers.support_of(part(number), held)
        grads = jax.grad(lambda p, b=support: loss(params=p, batch=b))(params)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(grads, state, params)
        shares = updates.replace(
            encoder=jax.tree.map(lambda u: OPEN * u, updates.encoder)
        )
        params = jax.tree.map(jnp.add, params, shares)
        steps.append(updates.encoder.layers["up"]["kernel"])
    query = soft_layers.query_of(part(STEPS), held)
    slope = jax.grad(lambda p: loss(params=p, batch=query))(params)
    total = sum(steps)
    return (slope.encoder.layers["up"]["kernel"] * total).sum((1, 2))


def never(count: int):
    raise AssertionError("no batch is needed")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("open", [1.0] * LAYERS),
        ("decay", [0.95 ** (LAYERS - 1 - n) for n in range(LAYERS)]),
        ("frozen", [0.0] * (LAYERS - 1) + [1.0]),
    ],
)
def test_some_controls_learn_nothing(kind: str, expected: list[float]) -> None:
    own = setting(kind=kind, granularity="layer", frozen_layers=LAYERS - 1)
    start = Start(toy_params(), never, lambda batch: batch)
    found = soft_layers.prepare(own, start, KEY)
    np.testing.assert_allclose(found["layer"], expected, rtol=1e-6)


def live(found) -> np.ndarray:
    return np.append(found["ffn"], found["embeddings"])


@pytest.mark.parametrize(
    "kind", ["permuted", pytest.param("random", marks=pytest.mark.slow)]
)
def test_controls_have_the_mean_of_learned_gates_of_what_is_there(kind: str) -> None:
    own, found = gates_of("learned"), gates_of(kind)
    np.testing.assert_allclose(found["attention"], OPEN, rtol=1e-6)
    assert live(found).mean() == pytest.approx(live(own).mean(), abs=1e-5)
    assert (live(found) != live(own)).any()
    apart = np.abs(np.sort(live(found)) - np.sort(live(own))).max()
    assert apart < 1e-6 if kind == "permuted" else apart > 0.01


@pytest.mark.slow
def test_a_scalar_is_one_gate_for_all_and_learnt() -> None:
    found = gates_of("scalar")
    assert {name: leaf.shape for name, leaf in found.items()} == {"whole": ()}
    assert abs(found["whole"] - OPEN) > 1e-4


@pytest.mark.parametrize(
    "kind", ["learned", "decay", pytest.param("scalar", marks=pytest.mark.slow)]
)
def test_what_is_prepared_has_the_form_of_the_first_state(kind: str) -> None:
    first = soft_layers.init(setting(kind=kind), KEY)
    assert jax.tree.map(jnp.shape, first) == jax.tree.map(jnp.shape, gates_of(kind))


def test_only_languages_that_a_batch_has_are_held_out() -> None:
    batch = dataclasses.replace(
        random_batch(0, 6, 4),
        language=jnp.asarray([0, 1, 3, 3, 2, 1], jnp.int32),
        weight=jnp.asarray([1.0, 1.0, 1.0, 1.0, 0.0, 1.0]),
    )
    keys = jax.random.split(KEY, 400)
    drawn = jax.vmap(lambda key: soft_layers.held_out(key, batch, 4))(keys)
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [1, 3]
    assert abs(counts[0] - 200) < 40


def test_a_language_that_is_held_out_has_no_output_layer_of_its_own() -> None:
    batch = dataclasses.replace(rows(), head=rows().language)
    query = soft_layers.query_of(batch, jnp.asarray(1, jnp.int32))
    assert set(np.asarray(query.head)) == {-1}
    support = soft_layers.support_of(batch, jnp.asarray(1, jnp.int32))
    np.testing.assert_array_equal(support.head, batch.head)
