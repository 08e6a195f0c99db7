"""Rates by place: against PyTorch's and optax's own ways to say the same."""

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.models import NUM_LABELS, SHAPE, as_shared
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder, make_normal, with_new_stages
from xlnas_jax.supernet.params import EncoderParams, SharedParams, SupernetParams
from xlnas_jax.training.optimizer import apply_gradients, make_optimizer, with_rate
from xlnas_jax.training.places import (
    FREEZE,
    TRAIN,
    Places,
    labels_of,
    places_of,
    with_shares,
)

LAYERS = 3
CLOSE = {"atol": 1e-6, "rtol": 1e-6}  # of float32 numbers around one
CONFIG = TrainConfig(
    learning_rate=1e-2, head_learning_rate=3e-2, weight_decay=0.1, clip_norm=1e9
)
ALL = tuple(range(LAYERS))


def numbers(seed: int, numbers: tuple[int, ...] | None = None) -> SharedParams:
    """Weights, or gradients: three layers stacked, or some of them apart."""
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> Any:
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    added = {"lora": some(LAYERS, 2)}
    layers: Any = {"kernel": some(LAYERS, 2, 4), "bias": some(LAYERS, 4), "more": added}
    tables: Any = {"word": some(5, 2)}
    heads: Any = {"task": {"kernel": some(2, 2), "bias": some(2)}}
    if numbers is not None:
        layers = tuple(jax.tree.map(lambda leaf, n=n: leaf[n], layers) for n in numbers)
    return SharedParams(EncoderParams(tables, layers), heads)


def at(tree: SharedParams, own: tuple[int, ...] | None, number: int) -> Any:
    """The weights of one layer."""
    layers: Any = tree.encoder.layers
    if own is not None:
        return layers[own.index(number)]
    return jax.tree.map(lambda leaf: leaf[number], layers)


def trained(
    config: TrainConfig,
    own: tuple[int, ...] | None = None,
    steps: int = 5,
    grads=None,
    shares: tuple[float, ...] | None = None,
) -> list[SharedParams]:
    """Weights before the first step, and after each; shares are of all layers."""
    params = numbers(0, own)
    places = None if own is None else Places(own, LAYERS)
    optimizer = make_optimizer(config, params, None, places)
    state = optimizer.init(params)
    taken = None if shares is None else jnp.asarray([shares[n] for n in own or ALL])

    @jax.jit
    def step(params, state, grads, taken):
        own = optimizer if taken is None else with_shares(optimizer, taken)
        return apply_gradients(own, params, state, grads)

    found = [params]
    for number in range(steps):
        given = numbers(number + 1, own) if grads is None else grads(number)
        params, state = step(params, state, given, taken)
        found.append(params)
    return found


@pytest.mark.parametrize("shares", [None, (0.5, 0.0, 0.25)], ids=str)
@pytest.mark.parametrize("own", [None, ALL, (0, 2)], ids=str)
def test_rates_by_layer_are_those_of_groups_of_pytorch(own, shares) -> None:
    torch = pytest.importorskip("torch")
    rates = {"learning_rate": 2e-3, "head_learning_rate": 6e-3, "layer_decay": 0.5}
    config = dataclasses.replace(CONFIG, **rates)
    begin, groups, leaves = numbers(0, own), [], []

    def follow(take: Any, rate: float, decay: float) -> None:
        leaf = torch.nn.Parameter(torch.tensor(np.array(take(begin))))
        groups.append({"params": [leaf], "lr": rate, "weight_decay": decay})
        leaves.append((take, leaf))

    for number in own or ALL:
        rate = 2e-3 * 0.5 ** (LAYERS - 1 - number) * (shares or [1.0] * LAYERS)[number]
        for name, decay in (("kernel", 0.1), ("bias", 0.0)):
            follow(lambda t, n=number, k=name: at(t, own, n)[k], rate, decay)
    follow(lambda t: t.encoder.embeddings["word"], 2e-3 * 0.5**LAYERS, 0.1)
    follow(lambda t: t.heads["task"]["kernel"], 6e-3, 0.1)
    follow(lambda t: t.heads["task"]["bias"], 6e-3, 0.0)
    optimizer = torch.optim.AdamW(groups, eps=1e-8)
    found = trained(config, own, 10, shares=shares)
    for number in range(10):
        for take, leaf in leaves:
            leaf.grad = torch.tensor(np.array(take(numbers(number + 1, own))))
        optimizer.step()
        for take, leaf in leaves:
            np.testing.assert_allclose(
                take(found[number + 1]), leaf.detach().numpy(), **CLOSE
            )


@pytest.mark.parametrize("by_shares", [False, True], ids=["frozen", "shares"])
@pytest.mark.parametrize("frozen", [1, 2, LAYERS])
@pytest.mark.parametrize("own", [None, ALL], ids=["stacked", "apart"])
def test_frozen_layers_are_those_that_optax_sets_to_zero(
    own, frozen: int, by_shares: bool
) -> None:
    config = dataclasses.replace(CONFIG, frozen_layers=frozen, clip_norm=1.0)
    shares = None
    if by_shares:
        # Of layers alone: embeddings are left out by an option of their own.
        config = dataclasses.replace(config, frozen_layers=0, freeze_embeddings=True)
        shares = tuple(float(number >= frozen) for number in ALL)
    oracle = make_oracle(frozen)
    params = numbers(0, ALL)
    state = oracle.init(params)

    def grads(number: int) -> SharedParams:
        """Those of frozen layers are not to be looked at."""
        given = numbers(number + 1, own)
        if own is not None:
            return given
        layers = jax.tree.map(lambda x: x.at[:frozen].set(np.nan), given.encoder.layers)
        encoder = dataclasses.replace(given.encoder, layers=layers)
        return dataclasses.replace(given, encoder=encoder)

    found = trained(config, own, grads=grads, shares=shares)
    step = jax.jit(lambda p, s, g: apply_gradients(oracle, p, s, g))
    for number in range(5):
        params, state = step(params, state, numbers(number + 1, ALL))
    for number in ALL:
        one, other = at(found[-1], own, number), at(params, ALL, number)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **CLOSE), one, other)
        same = jax.tree.map(np.array_equal, one, at(found[0], own, number))
        assert set(jax.tree.leaves(same)) == {number < frozen}
    for one, other in ((found[-1], params), (found[-1], found[0])):
        np.testing.assert_array_equal(
            one.encoder.embeddings["word"], other.encoder.embeddings["word"]
        )
    for name, leaf in params.heads["task"].items():
        np.testing.assert_allclose(found[-1].heads["task"][name], leaf, **CLOSE)


def make_oracle(frozen: int) -> optax.GradientTransformation:
    """AdamW of optax for what is trained, of layers apart, and nothing for the rest."""

    def is_kernel(tree: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, _: jax.tree_util.keystr(path[-1:], simple=True) == "kernel",
            tree,
        )

    def adamw(rate: float) -> optax.GradientTransformation:
        return optax.adamw(rate, eps=1e-8, weight_decay=0.1, mask=is_kernel)

    names = jax.tree.map(lambda _: "layers", numbers(0, ALL))
    heads = jax.tree.map(lambda _: "head", names.heads)
    layers: Any = tuple(
        jax.tree.map(lambda _, n=n: "none" if n < frozen else "layers", layer)
        for n, layer in enumerate(names.encoder.layers)
    )
    tables: Any = {"word": "none"}
    labels = SharedParams(EncoderParams(tables, layers), heads)
    rates = {"layers": adamw(1e-2), "head": adamw(3e-2), "none": optax.set_to_zero()}
    zeros = optax.partition(
        {
            "none": optax.set_to_zero(),
            "layers": optax.identity(),
            "head": optax.identity(),
        },
        labels,
    )
    clip = optax.clip_by_global_norm(1.0)
    return optax.chain(zeros, clip, optax.partition(rates, labels))


@pytest.mark.parametrize("own", [None, ALL, (0, 2)], ids=str)
def test_of_what_is_never_trained_there_is_no_state(own) -> None:
    def num_held(**changes: int) -> int:
        config = dataclasses.replace(CONFIG, **changes)
        params = numbers(0, own)
        places = Places(own or ALL, LAYERS)
        state = make_optimizer(config, params, None, places).init(params)
        return sum(leaf.size for leaf in jax.tree.leaves(state) if leaf.ndim)

    head, table, layer = 6, 10, 14
    layers = [layer] * len(own or ALL)
    assert num_held() == 2 * (head + table + sum(layers))
    assert num_held(frozen_layers=LAYERS) == 2 * head
    # What is stacked is held as a whole, or not at all.
    kept = sum(layers) if own is None else layer * len([n for n in own if n >= 1])
    assert num_held(frozen_layers=1) == 2 * (head + kept)


@pytest.mark.parametrize("own", [None, ALL, (0, 2)], ids=str)
def test_layers_join_in_from_the_top_one_after_another(own) -> None:
    found = trained(dataclasses.replace(CONFIG, unfreeze_steps=2), own, 8)

    def begins(take: Any) -> int:
        """The first step that moves a weight; each after it does, too."""
        moves = [
            bool((take(one) != take(other)).any())
            for one, other in itertools.pairwise(found)
        ]
        first = moves.index(True)
        assert all(moves[first:])
        return first

    for number in own or ALL:
        for name in ("kernel", "bias"):
            first = begins(lambda t, n=number, k=name: at(t, own, n)[k])
            assert first == 2 * (LAYERS - 1 - number)
    assert begins(lambda t: t.encoder.embeddings["word"]) == 2 * LAYERS
    assert begins(lambda t: t.heads["task"]["kernel"]) == 0


def test_who_waits_longer_than_can_be_counted_never_joins_in() -> None:
    begin, *_, end = trained(dataclasses.replace(CONFIG, unfreeze_steps=10**9))
    for number, has_moved in enumerate((False, False, True)):
        moved = at(begin, None, number)["kernel"] != at(end, None, number)["kernel"]
        assert bool(moved.any()) == has_moved


def test_what_joins_in_begins_with_steps_of_full_size() -> None:
    """Of gradients that do not change Adam makes steps of the rate itself."""
    config = dataclasses.replace(CONFIG, unfreeze_steps=3, weight_decay=0.0)
    found = trained(config, None, 4, lambda _: numbers(1))
    before, after = (at(one, None, LAYERS - 2)["bias"] for one in found[-2:])
    np.testing.assert_allclose(np.abs(after - before), 1e-2, rtol=1e-3)


@pytest.mark.parametrize(
    "changes", [{"layer_decay": 0.5}, {"frozen_layers": 1}, {"unfreeze_steps": 1}]
)
def test_a_factor_scales_what_is_left(changes: dict) -> None:
    config = dataclasses.replace(CONFIG, **changes)
    params, grads = numbers(0), numbers(1)
    optimizer = make_optimizer(config, params, None)
    state = optimizer.init(params)
    whole, half = (
        apply(one, params, state, grads)
        for one in (
            optimizer,
            with_rate(optimizer, jnp.float32(0.5), not config.trains_embeddings),
        )
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, 0.5 * b, rtol=1e-6), half, whole
    )


def apply(optimizer: Any, params: Any, state: Any, grads: Any) -> Any:
    with jax.numpy_dtype_promotion("standard"):
        return jax.jit(optimizer.update)(grads, state, params)[0]


@pytest.mark.parametrize("own", [None, ALL], ids=["stacked", "apart"])
@pytest.mark.parametrize("tunes", ["adapters", "head"])
def test_what_is_not_tuned_stays_to_the_last_bit(own, tunes: str) -> None:
    begin, *_, end = trained(dataclasses.replace(CONFIG, tunes=tunes), own)
    is_same = jax.tree.map(np.array_equal, begin, end)
    added = [at(is_same, own, n).pop("more") for n in ALL if own is not None]
    added = added or [is_same.encoder.layers.pop("more")]
    assert set(jax.tree.leaves(added)) == {tunes == "head"}
    assert set(jax.tree.leaves(is_same.encoder)) == {True}
    assert set(jax.tree.leaves(is_same.heads)) == {False}
    state = make_optimizer(
        dataclasses.replace(CONFIG, tunes=tunes), begin, None, places_of(begin)
    ).init(begin)
    held = sum(leaf.size for leaf in jax.tree.leaves(state) if leaf.ndim)
    assert held == 2 * (6 + (6 if tunes == "adapters" else 0))


def test_adapters_are_what_no_pretrained_encoder_has() -> None:
    given = SpaceConfig(heads=(1, 4), adapter=(0, 4), lora=(0, 2), prefix=(0, 3))
    space, normal = make_space(given, SHAPE), make_normal(None)
    params = jax.eval_shape(
        lambda: as_shared(
            SupernetParams(
                with_new_stages(init_encoder(None, SHAPE), normal, SHAPE, space),
                init_head(None, SHAPE, NUM_LABELS),
            )
        )
    )
    assert labelled(params, "head") == set()
    stages = {path for stage in space.stages for path, _ in stage.axes}
    added = ("adapter_", "lora_", "prefixes")
    new = {path for path in stages if path.startswith(added)}
    assert len(new) == 11
    assert labelled(params, "adapters") == new
    assert labelled(params, "all") >= new | {"query.kernel", "up.bias"}


def labelled(params: SharedParams, tunes: Any) -> set[str]:
    """Weights of layers that are trained, by their fields; heads always are."""
    config = dataclasses.replace(CONFIG, tunes=tunes)
    labels = labels_of(config, params, places_of(params))
    assert set(jax.tree.leaves(labels.heads)) == {TRAIN}
    tables = set(jax.tree.leaves(labels.encoder.embeddings))
    assert tables == {TRAIN if tunes == "all" else FREEZE}
    paths, _ = jax.tree_util.tree_flatten_with_path(labels.encoder.layers)
    names = {
        jax.tree_util.keystr(path, simple=True, separator="."): word
        for path, word in paths
    }
    return {n.removeprefix("more.") for n, word in names.items() if word == TRAIN}
