"""Architecture steps: exact second-order gradients, on held-out data and no other."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.doubles import as_doubles, in_doubles, slope
from tests.experiments import tiny_config
from tests.models import (
    NUM_LABELS,
    SHAPE,
    labelled,
    random_batch,
    tiny_params,
    tiny_space,
)
from xlnas_jax.config.controller import DartsController, GdasController
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.controllers.base import choice_mask
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.refine import heldout_rows, make_arch_plan, make_losses
from xlnas_jax.search.search import step
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.supernet.relaxed import make_relaxed
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.training.methods.base import batch_loss

# METHODS 13 row 1; found are 1e-8 and less.
TOLERANCE = 1e-4
SPACE = tiny_space()
MASK = choice_mask(SPACE.num_choices)
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))
RATE, DECAY = 0.1, 0.01
ORDERS = {
    "darts": DartsController(arch_steps=3),
    "darts_2": DartsController(arch_steps=3, order=2),
    "gdas": GdasController(arch_steps=3),
    "gdas_masked": GdasController(arch_steps=3, form="masked"),
}


def supernet_loss():
    apply = make_relaxed(SPACE, SHAPE, "masked")

    def loss(params, weights, chosen, batch):
        logits = apply(params, batch, weights, chosen)
        return batch_loss(TASK.loss(logits, batch), batch.weight)

    return loss


def some_mixture(seed: int):
    logits = jax.random.normal(jax.random.key(seed), MASK.shape)
    return jax.nn.softmax(jnp.where(MASK, logits, -1e9), axis=-1)


@pytest.fixture(scope="module")
def unrolled():
    """Of the real supernet in float64: the gradient, and what is needed to check it."""
    given = tiny_params(), random_batch(0, 6, 10), random_batch(0, 6, 10, seed=1)
    mixture = some_mixture(0)
    with in_doubles():
        loss = supernet_loss()
        params, heldout, source, weights = as_doubles((*given, mixture))
        losses = make_losses(loss, params, heldout, source, RATE, DECAY)
        value, found = jax.jit(losses.unrolled)(weights)
        _, plain = jax.jit(losses.plain)(weights)
    return loss, (params, heldout, source), weights, (value, found, plain)


def stepped(loss, params, weights, source):
    gradient = jax.grad(loss)(params, weights, None, source)
    return jax.tree.map(lambda w, g: w - RATE * (g + DECAY * w), params, gradient)


@pytest.mark.slow
def test_second_order_gradients_are_central_differences_of_the_real_supernet(unrolled):
    loss, (params, heldout, source), weights, (value, found, plain) = unrolled
    with in_doubles():

        @jax.jit
        def after_a_step(weights):
            return loss(stepped(loss, params, weights, source), weights, None, heldout)

        assert float(value) == pytest.approx(float(after_a_step(weights)))
        errors, sizes = [], []
        for seed in range(8):
            drawn = jax.random.normal(jax.random.key(seed), MASK.shape)
            direction = as_doubles(jnp.where(MASK, drawn, 0))
            expected = slope(after_a_step, weights, direction)
            errors.append(abs(float((found * direction).sum()) - expected))
            sizes.append(abs(expected))
        added = float(jnp.abs(found - plain).max() / jnp.abs(found).max())
    print(f"second order, relative error: {max(errors) / np.mean(sizes):.1e}")
    assert max(errors) < TOLERANCE * np.mean(sizes)
    # The second order is no small thing here: without it the check would fail.
    assert added > 0.05


# What it holds is also held by the central differences above.
@pytest.mark.slow
def test_second_order_gradients_agree_with_the_finite_differences_of_darts(unrolled):
    """Equation (8) of the paper, with a tenth of its R, over the direction's length.

    By 0.01 some token is no longer the largest of its sentence's pooling, where a
    difference is no slope.
    """
    loss, (params, heldout, source), weights, (_, found, _) = unrolled
    with in_doubles():

        @jax.jit
        def by_differences(weights):
            after = stepped(loss, params, weights, source)
            both = jax.grad(loss, argnums=(0, 1))
            direction, direct = both(after, weights, None, heldout)
            leaves = jax.tree.leaves(direction)
            radius = 0.001 / jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in leaves))

            def slopes(sign):
                moved = jax.tree.map(
                    lambda w, v: w + sign * radius * v, params, direction
                )
                return jax.grad(loss, argnums=1)(moved, weights, None, source)

            return direct - RATE * (slopes(1.0) - slopes(-1.0)) / (2 * radius)

        expected = by_differences(weights)
        difference = float(jnp.abs(found - expected).max() / jnp.abs(expected).max())
    print(f"against equation (8): {difference:.1e}")
    # What the differences themselves leave out is of the order of R squared.
    assert difference < 1e-4


def test_second_order_gradients_of_quadratics_are_those_of_the_closed_form():
    """Losses `|w - A m|^2 / 2`, with an A for source and one for held-out data."""
    rng = np.random.default_rng(0)
    start, source, heldout = (
        rng.standard_normal(shape) for shape in ((5,), (5, 6), (5, 6))
    )
    mixture = rng.random((2, 3))

    def loss(params, weights, chosen, batch):
        return jnp.square(params - batch.label @ weights.ravel()).sum() / 2

    after = start - RATE * (start - source @ mixture.ravel() + DECAY * start)
    miss = after - heldout @ mixture.ravel()
    direct = -heldout.T @ miss
    expected = direct + RATE * source.T @ miss

    with jax.enable_x64(True):
        given = (labelled(jnp.asarray(m)) for m in (heldout, source))
        losses = make_losses(loss, jnp.asarray(start), *given, RATE, DECAY)
        value, found = losses.unrolled(jnp.asarray(mixture))
        _, plain = losses.plain(jnp.asarray(mixture))

    assert float(value) == pytest.approx(miss @ miss / 2)
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-10)
    now = start - heldout @ mixture.ravel()
    np.testing.assert_allclose(np.ravel(plain), -heldout.T @ now, rtol=1e-10)


def search_config(name: str, **changes):
    config = tiny_config(controller=ORDERS[name], **changes)
    return dataclasses.replace(
        config,
        train=dataclasses.replace(config.train, pretune_steps=2),
        search=dataclasses.replace(config.search, rounds=3, weight_steps=2),
    )


def start(config):
    experiment = prepare(config)
    data = training_rows(experiment), heldout_data(experiment)
    return experiment, data, make_engine(experiment, *data)


def host_copy(state) -> list[np.ndarray]:
    return [np.array(leaf, copy=True) for leaf in jax.tree.leaves(state)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gdas", "darts", "darts_2", "gdas_masked"])
def test_a_whole_search_keeps_its_limits_compiles_once_and_resumes(name):
    """The warm-up, two rounds, and the third one both unbroken and resumed."""
    experiment, _, (engine, state) = start(search_config(name))
    asked = []

    def spy(params, indices, num):
        asked.append(indices[:num])
        return engine.evaluate(params, indices, num)

    watched = engine._replace(evaluate=spy)
    uniform = np.asarray(state.controller.logits)
    for _ in range(engine.num_warm_up):
        state, _ = step(watched, state)
    np.testing.assert_array_equal(state.controller.logits, uniform)
    state, _ = step(watched, state)
    with CompileCounter() as compiles:
        state, _ = step(watched, state)
        saved = host_copy(state)
        unbroken, metrics = step(watched, state)
        jax.block_until_ready(unbroken)
    assert compiles.programs == 0

    rows = np.concatenate(asked)
    assert len(rows) == int(unbroken.evaluated) > 0
    limits = experiment.config.constraints
    assert is_feasible(rows, experiment.costs, limits).all()
    assert (np.asarray(unbroken.controller.logits) != uniform).any()
    assert int(unbroken.controller.skipped) == 0
    assert float(metrics.summary["expected_encoder_params_over_limit"]) > 0

    _, _, (fresh, template) = start(search_config(name))
    loaded = jax.tree.unflatten(jax.tree.structure(template), jax.device_put(saved))
    again, _ = step(fresh, loaded)
    for one, other in zip(host_copy(again), host_copy(unbroken), strict=True):
        np.testing.assert_array_equal(one, other)


def test_black_box_strategies_take_no_architecture_steps():
    _, _, (engine, state) = start(tiny_config())
    assert engine.refine(state.controller, state.learner, 5) is state.controller


def test_architecture_steps_see_held_out_languages_alone_and_alike():
    experiment, (rows, heldout), _ = start(search_config("darts"))
    (part,) = experiment.parts
    seen = tuple(heldout_rows(data) for data in heldout)
    languages = [part.roles.all[i] for b in seen[0] for i in np.asarray(b.language)]
    assert set(languages) == set(part.roles.aux_heldout)
    assert len(languages) == sum(len(one) for one in heldout[0].examples)

    plan = make_arch_plan(experiment, rows, seen)
    counts = np.zeros(len(part.roles.all))
    for number in range(200):
        one = plan(number)
        bucket, source = seen[0][one.bucket], rows[0][one.source_bucket]
        drawn = np.asarray(bucket.language)[one.rows]
        np.add.at(counts, drawn, one.weight)
        learnt = {part.roles.all[i] for i in np.asarray(source.language)}
        assert learnt <= {part.roles.source, *part.roles.aux_train}
    shares = counts[[part.roles.all.index(code) for code in part.roles.aux_heldout]]
    assert shares.sum() == counts.sum() > 0
    # Whole epochs are even; the one that 200 steps break off need not be.
    assert np.ptp(shares) < 0.05 * counts.sum()


def test_targets_have_no_part_in_what_an_architecture_learns():
    """Other target languages: the same logits, to the bit."""
    learnt = []
    for target in (("es", "ca"), ("nl",)):
        languages = LanguagesConfig("en", ("pt", "it"), target, ("fr",))
        config = search_config("gdas", languages=languages)
        train = dataclasses.replace(config.train, pretune_steps=0)
        _, _, (engine, state) = start(dataclasses.replace(config, train=train))
        refined = engine.refine(state.controller, state.learner, 0)
        learnt.append(np.asarray(refined.logits))
    assert learnt[0].any()
    np.testing.assert_array_equal(*learnt)


def test_source_batches_come_from_the_bucket_that_is_as_long():
    """Each held-out bucket always meets the same one: a program for each."""
    tokens = dataclasses.replace(
        tiny_config().tokens, num_buckets=3, train_buckets=3, max_length=32
    )
    experiment, (rows, heldout), _ = start(search_config("darts", tokens=tokens))
    seen = tuple(heldout_rows(data) for data in heldout)
    plan = make_arch_plan(experiment, rows, seen)
    lengths = [bucket.tokens.shape[-1] for bucket in rows[0]]
    met = {(one.bucket, one.source_bucket) for one in map(plan, range(100))}
    assert len(met) == len(seen[0]) > 1
    for bucket, source in met:
        length = seen[0][bucket].tokens.shape[-1]
        longer = [number for number, size in enumerate(lengths) if size >= length]
        assert source == (longer[0] if longer else len(lengths) - 1)
