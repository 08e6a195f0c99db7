"""Every registered transfer method keeps the laws that weight steps rely on."""

import dataclasses
import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import copied
from tests.experiments import tiny_config
from tests.models import (
    NUM_LABELS,
    SHAPE,
    as_shared,
    random_batch,
    tiny_params,
)
from xlnas_jax.config.methods.maml import MamlConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.storage.trees import load_tree, save_tree
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.training.gradients import embedded
from xlnas_jax.training.learner import Learner, init_learner
from xlnas_jax.training.methods.base import Method, Network, Setting
from xlnas_jax.training.methods.registry import METHODS
from xlnas_jax.training.optimizer import make_optimizer
from xlnas_jax.training.step import WeightStep, make_weight_step, network_of
from xlnas_jax.types import Batch, ConfigError, Said

# Of few choices: each is a branch more to compile, for every method.
SPACE = make_space(
    SpaceConfig(min_layers=2, heads=(2, 4), ffn=(16, 32), pooling=("mean",)), SHAPE
)
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))
CONFIG = TrainConfig(learning_rate=1e-3, maml=MamlConfig("first"))
SUPERNET = make_supernet(SPACE, SHAPE, dropout=0.1, remat_branches=True)
SETTING = Setting(
    *(CONFIG, network_of(SUPERNET), SPACE, TASK),
    auxiliary=2,
    languages=(0, 1, 2),
    width=SHAPE.width,
)

INDEX, WEIGHT = jnp.arange(4, dtype=jnp.int32), jnp.ones(4)


def heard_batch(seed: int = 0) -> Batch:
    """Rows of which some have no labels, with what a teacher says of each.

    Those with labels are of an auxiliary language. Beside some of them stand
    translations, and beside one what that is again.
    """
    batch, rng = random_batch(0, 4, 12, seed=seed), np.random.default_rng(seed)
    said = Said(
        jnp.asarray(rng.normal(size=(4, NUM_LABELS)), jnp.float32),
        jnp.asarray(rng.normal(size=(4, SHAPE.width)), jnp.float32),
    )
    batch = dataclasses.replace(
        batch,
        said=said,
        labelled=jnp.asarray([1.0, 0.0, 1.0, 0.0]),
        language=jnp.asarray([1, 2, 1, 0], jnp.int32),
        weight=WEIGHT,
    )
    return dataclasses.replace(batch, other=beside(batch, seed))


def beside(batch: Batch, seed: int) -> Batch:
    other, back = (random_batch(0, 4, 12, seed=seed + more) for more in (100, 200))
    there = jnp.asarray([1.0, 1.0, 1.0, 0.0])
    first = jnp.asarray([1.0, 0.0, 0.0, 0.0])
    same = {"label": batch.label, "labelled": batch.labelled, "said": batch.said}
    back = dataclasses.replace(back, weight=first, **same)
    return dataclasses.replace(other, weight=there, other=back, **same)


PARTS = {
    "embeddings": lambda params: params.encoder.embeddings,
    "layers": lambda params: params.encoder.layers,
    "head": lambda params: params.head,
}


@pytest.fixture(scope="module", params=METHODS)
def method(request: pytest.FixtureRequest) -> Method:
    return METHODS[request.param]


@pytest.fixture(scope="module")
def begun(method: Method) -> tuple[WeightStep, Learner]:
    params = as_shared(tiny_params())
    optimizer = make_optimizer(CONFIG, params, 50)
    step = make_weight_step(method, SETTING, SUPERNET, optimizer, 0, "task")
    own = {"task": method.init(SETTING, jax.random.key(0))}
    return step, init_learner(params, optimizer, own)


def taken(step: WeightStep, learner: Learner, num: int) -> tuple[Learner, list[float]]:
    """So many steps, on batches of one shape."""
    learner = copied(learner)  # a step donates what it is given
    losses = []
    for number in range(num):
        rows = heard_batch(number)
        learner, loss = step(learner, rows, INDEX, WEIGHT)
        losses.append(float(loss))
    return learner, losses


def test_its_loss_is_finite_and_a_shape_is_compiled_once(begun) -> None:
    step, learner = begun
    learner, losses = taken(step, learner, 3)
    assert np.isfinite(losses).all()
    assert step._cache_size() == 1
    assert int(learner.step) == 3


def test_it_says_what_its_gradients_reach(method: Method) -> None:
    params, batch = tiny_params(), heard_batch()
    x, back = jax.vjp(
        lambda e: embedded(method, SUPERNET.embed, e, batch), params.encoder.embeddings
    )
    state = method.init(SETTING, jax.random.key(0))
    key = jax.random.key(1)
    _, (grads, x_grad), _ = jax.jit(
        lambda s, p, x: method.gradients(SETTING, s, p, x, batch, key)
    )(state, params, x)
    if x_grad is not None:
        encoder = dataclasses.replace(grads.encoder, embeddings=back(x_grad)[0])
        grads = dataclasses.replace(grads, encoder=encoder)
    reached = {
        name
        for name, part in PARTS.items()
        if any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(part(grads)))
    }
    assert reached == method.trains


def test_what_was_saved_goes_on_bit_for_bit(begun, tmp_path: Path) -> None:
    step, learner = begun
    whole, _ = taken(step, learner, 2)
    half, _ = taken(step, learner, 1)
    leaves, tree = jax.tree.flatten(half)
    save_tree(tmp_path / "state", {str(n): leaf for n, leaf in enumerate(leaves)})
    loaded = load_tree(tmp_path / "state")
    # Whose buffers are its own.
    arrays = [jnp.array(np.asarray(loaded[str(n)])) for n in range(len(leaves))]
    again = jax.tree.unflatten(tree, arrays)
    rows = heard_batch(1)
    resumed, _ = step(again, rows, INDEX, WEIGHT)
    pairs = zip(jax.tree.leaves(whole), jax.tree.leaves(resumed), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.slow
def test_one_network_alone_can_be_trained_by_it(method: Method) -> None:
    def full(params, x, batch, arch, key=None):
        x = SUPERNET.embed(params.encoder.embeddings, batch)
        return network_of(SUPERNET).full(params, x, batch, SPACE.largest())

    def embed(params, batch):
        return SUPERNET.embed(params.encoder.embeddings, batch)

    streams = SUPERNET.streams(SPACE.largest())
    setting = SETTING._replace(network=Network(full, embed=embed, streams=streams))
    batch, key, params = heard_batch(), jax.random.key(0), tiny_params()
    state = method.init(setting, key)
    run = jax.jit(functools.partial(method.gradients, setting))
    x = embedded(method, SUPERNET.embed, params.encoder.embeddings, batch)
    loss, (grads, _), _ = run(state, params, x, batch, key)
    assert np.isfinite(float(loss))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        ("auxiliary", "Name languages in languages.aux_train"),
        ("unlabelled", "Name languages in languages.unlabelled"),
        ("translations", r"Say in train\.translations"),
        ("teacher", "set train.pretune_steps"),
    ],
)
def test_data_that_it_needs_and_that_is_missing_is_named(
    missing: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = METHODS["finetune"]._replace(name="asking", needs=frozenset({missing}))
    monkeypatch.setitem(METHODS, "asking", made)
    config = tiny_config(train=TrainConfig(method="asking"))  # and no warm-up
    languages = dataclasses.replace(config.languages, aux_train=())
    with pytest.raises(ConfigError, match=rf"asking learns from {missing}.*{advice}"):
        prepare(dataclasses.replace(config, languages=languages))


def test_a_method_that_there_is_not_is_refused_with_the_nearest() -> None:
    config = tiny_config(train=TrainConfig(method="sandwhich"))
    with pytest.raises(ConfigError, match=r"train\.method.*Did you mean 'sandwich'"):
        prepare(config)


def test_a_warm_up_is_by_what_needs_no_teacher_and_no_trial_before() -> None:
    config = tiny_config(train=TrainConfig(warm_up_method="sandwich"))
    able = "finetune, rdrop, fgm, pgd, adversarial, filter, xtune"
    with pytest.raises(
        ConfigError, match=rf"train\.warm_up_method: .* {able}; got 'san"
    ):
        prepare(config)
    for name in able.split(", "):
        made = METHODS[name]
        assert made.needs <= {"source", "translations", "unlabelled"}
        assert made.prepare is None
