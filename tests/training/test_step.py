import functools
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.compiled import copied
from tests.models import (
    NUM_LABELS,
    SHAPE,
    as_shared,
    random_batch,
    tiny_params,
    tiny_space,
)
from tests.training.toys import toy_params, toy_setting
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.training.learner import init_learner
from xlnas_jax.training.methods.base import Setting, networks
from xlnas_jax.training.methods.registry import METHODS
from xlnas_jax.training.optimizer import apply_gradients, make_optimizer
from xlnas_jax.training.step import make_weight_step, network_of

SPACE = tiny_space(min_layers=2)
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))
INDEX = jnp.asarray([0, 2, 4, 5], jnp.int32)
WEIGHT = jnp.asarray([1.0, 1.0, 1.0, 0.0])


@functools.cache
def without_dropout():
    """Steps that are compiled once for several tests, and the learner before them."""
    config = TrainConfig(learning_rate=3e-3, head_learning_rate=3e-3, dropout=0.0)
    return make_steps(config, tiny_params())


def steps_of(config: TrainConfig, supernet, optimizer):
    """A weight step of every method."""
    setting = Setting(config, network_of(supernet), SPACE, TASK)
    return {
        name: make_weight_step(method, setting, supernet, optimizer, 0, "task")
        for name, method in METHODS.items()
    }


def make_steps(config: TrainConfig, params):
    shared = as_shared(params)
    optimizer = make_optimizer(config, shared, num_steps=50)
    supernet = make_supernet(SPACE, SHAPE, dropout=config.dropout, remat_branches=True)
    steps = steps_of(config, supernet, optimizer)
    return steps, init_learner(shared, optimizer)


@pytest.fixture(scope="module")
def rows():
    return random_batch(0, 6, 12)


@pytest.mark.parametrize(
    "kind", ["finetune", pytest.param("sandwich", marks=pytest.mark.slow)]
)
def test_repeated_steps_learn_the_batch_and_compile_once(kind, rows):
    steps, learner = without_dropout()
    learner = copied(learner)  # a step donates what it is given
    step = steps[kind]
    losses = []
    for _ in range(20):
        learner, loss = step(learner, rows, INDEX, WEIGHT)
        losses.append(float(loss))
    assert np.mean(losses[-3:]) < 0.5 * np.mean(losses[:3])
    assert step._cache_size() == 1
    assert int(learner.step) == 20


def test_rows_of_weight_zero_teach_nothing(rows):
    steps, learner = without_dropout()
    results = []
    for label in (0, 1):
        changed = rows.replace(label=rows.label.at[5].set(label))
        start = copied(learner)  # a step donates what it is given
        after, _ = steps["finetune"](start, changed, INDEX, WEIGHT)
        results.append(after.params)
    same = jax.tree.map(np.array_equal, *results)
    assert all(jax.tree.leaves(same))


@pytest.mark.parametrize("weight", [2.0, 0.25])
def test_the_weight_of_a_task_scales_its_gradients_and_no_loss(weight, rows):
    """By powers of two not a bit is rounded."""
    record = optax.GradientTransformation(
        init=lambda p: p, update=lambda g, s, p=None: (g, g)
    )
    supernet: Any = SimpleNamespace(
        embed=lambda tables, batch: tables["word"][batch.tokens].mean(1)
    )
    found = []
    for own in (1.0, weight):
        setting = toy_setting(TrainConfig())._replace(weight=own)
        given = METHODS["finetune"], setting, supernet, record, 0, "task"
        learner = init_learner(as_shared(toy_params()), record)
        found.append(make_weight_step(*given)(learner, rows, INDEX, WEIGHT))
    (plain, loss), (scaled, same) = found
    assert float(loss) == float(same)
    for one, other in zip(
        jax.tree.leaves(plain.opt_state), jax.tree.leaves(scaled.opt_state), strict=True
    ):
        assert np.abs(one).max() > 0
        np.testing.assert_array_equal(weight * np.asarray(one), other)


@pytest.mark.slow
def test_sandwich_gradient_is_that_of_the_summed_losses(rows):
    """The shared embedding pass and the scan must equal one plain gradient."""
    config = TrainConfig(dropout=0.0, num_random=1)
    params = tiny_params()
    supernet = make_supernet(SPACE, SHAPE)
    record = optax.GradientTransformation(
        init=lambda p: p, update=lambda g, s, p=None: (g, g)
    )
    steps = steps_of(config, supernet, record)
    learner = init_learner(as_shared(copied(params)), record)
    learner, _ = steps["sandwich"](learner, rows, INDEX, WEIGHT)

    key, _ = jax.random.split(jax.random.fold_in(jax.random.key(0), 0))
    archs = networks(SPACE, key, 1)
    batch = jax.tree.map(lambda leaf: leaf[INDEX], rows).replace(weight=WEIGHT)

    def logits(params, i):
        arch = jax.tree.map(lambda leaf: leaf[i], archs)
        x = supernet.embed(params.encoder.embeddings, batch)
        return supernet.apply(params, x, batch, arch)

    def mean(losses):
        return (losses.total * WEIGHT).sum() / WEIGHT.sum() / 3

    def of_largest(params):
        teacher = logits(params, 0)
        return mean(TASK.loss(teacher, batch)), teacher

    def of_student(params, i, teacher):
        return mean(TASK.distill(logits(params, i), teacher, batch, 1.0))

    # One after another: three networks in one gradient take long to compile.
    expected, teacher = jax.jit(jax.grad(of_largest, has_aux=True))(params)
    student = jax.jit(jax.grad(of_student))
    for i in (1, 2):
        found = student(params, i, teacher)
        expected = jax.tree.map(jnp.add, expected, found)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5),
        learner.opt_state,
        as_shared(expected),
    )


def test_sandwich_holds_the_extremes_and_valid_random_networks():
    archs = networks(SPACE, jax.random.key(0), 5)
    rows = np.asarray(SPACE.flatten(archs))
    ordered = [k.name for k in SPACE.knobs if k.is_ordered]
    for name in ordered:
        columns = SPACE.columns(name)
        largest = np.asarray(SPACE.flatten(SPACE.largest()))
        smallest = np.asarray(SPACE.flatten(SPACE.smallest()))
        np.testing.assert_array_equal(rows[0, columns], largest[columns])
        np.testing.assert_array_equal(rows[1, columns], smallest[columns])
    assert len(rows) == 7
    assert (SPACE.num_kept(rows) >= 2).all()


def test_optimizer_equals_torch_adamw():
    import torch

    config = TrainConfig(
        learning_rate=1e-2,
        head_learning_rate=1e-2,
        warmup_fraction=0.02,
        weight_decay=0.1,
        clip_norm=1e9,
    )
    params = tiny_params()
    optimizer = make_optimizer(config, params, num_steps=50)
    state = optimizer.init(params)
    step = jax.jit(functools.partial(apply_gradients, optimizer))
    rng = np.random.default_rng(0)
    kernel = torch.nn.Parameter(torch.tensor(np.array(params.head.output.kernel)))
    bias = torch.nn.Parameter(torch.tensor(np.array(params.head.output.bias)))
    groups = [
        {"params": [kernel], "weight_decay": 0.1},
        {"params": [bias], "weight_decay": 0.0},
    ]
    torch_optimizer = torch.optim.AdamW(groups, lr=1e-2, eps=1e-8)
    # One step of warm-up from zero, then linear decay over the other 49.
    rates = [0.0, *(1e-2 * (1 - i / 49) for i in range(9))]
    for rate in rates:
        grads = jax.tree.map(
            lambda p: rng.normal(size=p.shape).astype(np.float32), params
        )
        params, state = step(params, state, grads)
        for group in torch_optimizer.param_groups:
            group["lr"] = rate
        kernel.grad = torch.tensor(np.array(grads.head.output.kernel))
        bias.grad = torch.tensor(np.array(grads.head.output.bias))
        torch_optimizer.step()
    np.testing.assert_allclose(
        params.head.output.kernel, kernel.detach().numpy(), atol=1e-6
    )
    np.testing.assert_allclose(
        params.head.output.bias, bias.detach().numpy(), atol=1e-6
    )


def test_frozen_embeddings_stay_and_hold_no_optimizer_state(rows):
    config = TrainConfig(freeze_embeddings=True, learning_rate=1e-2)
    params = tiny_params()
    before = np.array(params.encoder.embeddings.word)
    steps, learner = make_steps(config, params)
    for _ in range(3):
        learner, _ = steps["finetune"](learner, rows, INDEX, WEIGHT)
    np.testing.assert_array_equal(learner.params.encoder.embeddings.word, before)
    shapes = [leaf.shape for leaf in jax.tree.leaves(learner.opt_state)]
    assert before.shape not in shapes
