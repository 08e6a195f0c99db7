"""One network trained by itself: its rate goes by its size; one program does all."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.experiments import tiny_config, warmed_up
from xlnas_jax.config.evaluate import TuningConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.experiment.arrays import scoring_data
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search import alone
from xlnas_jax.search.alone import make_train_alone
from xlnas_jax.supernet.fixed import cut_layers, spread_layers
from xlnas_jax.supernet.supernet import make_supernet

STEPS, RATE = 3, 1e-3


@pytest.fixture(scope="module")
def begun():
    base = tiny_config()
    train = dataclasses.replace(base.train, method="distill", pretune_steps=2)
    experiment = prepare(dataclasses.replace(base, train=train))
    _, state, (rows, _) = warmed_up(experiment)
    return experiment, state.learner.params, rows


def flat(*trees) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(trees)])


def test_a_smaller_network_learns_faster_by_the_power_that_is_asked(begun) -> None:
    experiment, params, rows = begun
    row = draw_feasible(experiment, 1, "control")[0]
    (share,) = experiment.costs.shares_of_flops(row[None])
    assert 0.0 < share < 1.0
    by_size = make_train_alone(experiment, rows, TuningConfig(STEPS, RATE, 0.5))
    at_once = make_train_alone(
        experiment, rows, TuningConfig(STEPS, RATE * float(share) ** -0.5)
    )
    plain = make_train_alone(experiment, rows, TuningConfig(STEPS, RATE))
    told: list[tuple[int, int]] = []
    one, same, other = (
        train(params, row, tell=lambda *steps: told.append(steps))
        for train in (by_size, at_once, plain)
    )
    assert told == [(done, STEPS) for done in range(1, STEPS + 1)] * 3
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), one, same
    )
    kernel = [np.asarray(p.encoder.layers.up.kernel) for p in (one, other)]
    assert np.abs(kernel[0] - kernel[1]).max() > 1e-5


def test_the_full_network_learns_at_the_rate_itself(begun) -> None:
    experiment, params, rows = begun
    full = np.asarray(experiment.space.num_choices, np.int32) - 1
    trained = [
        make_train_alone(experiment, rows, TuningConfig(STEPS, RATE, power))(
            params, full
        )
        for power in (0.0, 1.0)
    ]
    jax.tree.map(np.testing.assert_array_equal, *trained)


def test_a_smaller_network_takes_more_steps_if_asked(begun) -> None:
    experiment, params, rows = begun
    row = draw_feasible(experiment, 1, "control")[0]
    (share,) = experiment.costs.shares_of_flops(row[None])
    how = FinalistsConfig(steps=STEPS, steps_exponent=1.0, budgets=(0.01,))
    done = []
    train = make_train_alone(experiment, rows, how)
    train(params, row, lambda number, _: done.append(number))
    assert done == list(range(1, round(STEPS / float(share)) + 1))
    assert len(done) > STEPS


KD = {"kd_layers": 1.0}
BY_PLACE = {"frozen_layers": 1, "layer_decay": 0.5}
ALIKE = [BY_PLACE, *(pytest.param(c, marks=pytest.mark.slow) for c in ({}, KD))]


@pytest.mark.parametrize("changes", ALIKE, ids=lambda c: next(iter(c), "plain"))
def test_a_program_of_its_own_trains_a_network_alike(begun, monkeypatch, changes):
    experiment, params, rows = begun
    train = dataclasses.replace(experiment.config.train, **changes)
    experiment = dataclasses.replace(
        experiment, config=dataclasses.replace(experiment.config, train=train)
    )
    # Of a single layer jax 0.12.0 finds other gradients if its programs are not
    # optimised, as they are not by default in these tests.
    drawn = draw_feasible(experiment, 8, "control")
    row = next(row for row in drawn if len(experiment.space.layers(row)) > 1)
    made = []
    for least in (STEPS + 1, STEPS):
        monkeypatch.setattr(alone, "OWN_PROGRAM", least)
        train_alone = make_train_alone(experiment, rows, TuningConfig(STEPS, RATE))
        made.append(train_alone(params, row))
    cuts = [cut_layers(one.encoder.layers, experiment.space, row) for one in made]
    before = cut_layers(params.encoder.layers, experiment.space, row)
    begin = flat(before, params.heads)
    one, other = (flat(cut, p.heads) for cut, p in zip(cuts, made, strict=True))
    # As a whole: Adam makes steps of full size of gradients that are rounding alone.
    assert np.linalg.norm(one - other) < 0.05 * np.linalg.norm(one - begin)
    assert np.abs(one - begin).max() > RATE
    for whole in made:
        is_same = jax.tree.map(
            lambda a, b: np.array_equal(np.asarray(a)[0], np.asarray(b)[0]),
            whole.encoder,
            params.encoder,
        )
        if changes == BY_PLACE:
            assert all(jax.tree.leaves(is_same))
    # What it does not have is as it was.
    again = spread_layers(made[1].encoder.layers, experiment.space, row, before)
    jax.tree.map(np.testing.assert_array_equal, again, params.encoder.layers)


SHARES = (0.0, 0.5, 1.0)


def with_tuned(experiment):
    """The same, in which layers may take less of their updates."""
    config = experiment.config
    return prepare(
        dataclasses.replace(
            config,
            space=dataclasses.replace(config.space, tuned=SHARES),
            search=dataclasses.replace(config.search, finalists=1),
            evaluate=dataclasses.replace(
                config.evaluate, tuning=TuningConfig(STEPS, RATE)
            ),
        )
    )


def full_with(experiment, *choices: int) -> np.ndarray:
    """The full network, of which each layer takes the share of that number."""
    row = np.asarray(experiment.space.num_choices, np.int32) - 1
    row[experiment.space.columns("tuned")] = choices
    return row


@pytest.fixture(scope="module")
def by_shares(begun):
    """Weights before, and of the full network trained by several choices of shares."""
    plain, params, rows = begun
    experiment, how = with_tuned(plain), TuningConfig(STEPS, RATE)
    full = np.asarray(plain.space.num_choices, np.int32) - 1
    train = make_train_alone(experiment, rows, how)
    found = {
        "plain": make_train_alone(plain, rows, how)(params, full),
        (2, 2): train(params, full_with(experiment, 2, 2)),
    }
    with CompileCounter() as compiles:
        for choices in ((0, 2), (2, 0), (1, 2)):
            found[choices] = train(params, full_with(experiment, *choices))
    return experiment, params, rows, found, compiles.programs


def layer(params, number: int):
    return jax.tree.map(lambda leaf: leaf[number], params.encoder.layers)


def moved(before, after, number: int) -> float:
    one, other = (flat(layer(params, number)) for params in (before, after))
    return float(np.linalg.norm(one - other))


def test_with_all_of_its_updates_a_network_is_trained_as_ever(by_shares) -> None:
    _, _, _, found, _ = by_shares
    jax.tree.map(np.testing.assert_array_equal, found["plain"], found[2, 2])


def test_a_layer_that_takes_nothing_stays_to_the_bit(by_shares) -> None:
    _, params, _, found, programs = by_shares
    for choices, frozen in (((0, 2), 0), ((2, 0), 1)):
        after = found[choices]
        own, before = layer(after, frozen), layer(params, frozen)
        jax.tree.map(np.testing.assert_array_equal, own, before)
        assert moved(params, after, 1 - frozen) > RATE
        # What is no layer is trained as ever.
        assert np.abs(flat(after.heads) - flat(params.heads)).max() > RATE / 2
    assert programs == 0, "which layers are trained is data"


def test_a_layer_that_takes_half_moves_about_half_as_far(by_shares) -> None:
    _, params, _, found, _ = by_shares
    half, whole = (moved(params, found[c], 0) for c in ((1, 2), (2, 2)))
    assert half == pytest.approx(whole / 2, rel=0.1)


@pytest.mark.slow
def test_a_program_of_its_own_takes_the_same_shares(by_shares, monkeypatch) -> None:
    experiment, params, rows, found, _ = by_shares
    monkeypatch.setattr(alone, "OWN_PROGRAM", STEPS)
    train = make_train_alone(experiment, rows, TuningConfig(STEPS, RATE))
    for choices in ((0, 2), (1, 2)):
        own = train(params, full_with(experiment, *choices))
        for number in range(2):
            apart = moved(found[choices], own, number)
            assert apart <= 0.05 * moved(params, found[choices], number)


@pytest.mark.slow
def test_steps_have_as_many_rows_as_asked(begun) -> None:
    experiment, params, rows = begun
    size = experiment.config.train.batch_size
    full = np.asarray(experiment.space.num_choices, np.int32) - 1
    shorter = dataclasses.replace(experiment.config.train, batch_size=size // 2)
    other = dataclasses.replace(
        experiment, config=dataclasses.replace(experiment.config, train=shorter)
    )
    asked, same, plain = (
        make_train_alone(whose, rows, TuningConfig(STEPS, RATE, 0.0, own))(params, full)
        for whose, own in ((experiment, size // 2), (other, None), (experiment, None))
    )
    jax.tree.map(np.testing.assert_array_equal, asked, same)
    kernel = [np.asarray(p.encoder.layers.up.kernel) for p in (asked, plain)]
    assert np.abs(kernel[0] - kernel[1]).max() > 1e-6


def test_shares_are_those_that_budgets_are_made_of(begun) -> None:
    costs = begun[0].costs
    full = np.asarray(costs.space.num_choices, np.int32)[None] - 1
    assert costs.shares_of_flops(full).tolist() == [1.0]
    rows = draw_feasible(begun[0], 8, "control")
    flops = costs.counted(rows)["flops"]
    for share, own in zip(costs.shares_of_flops(rows), flops, strict=True):
        assert costs.flops_of_share(share) == pytest.approx(own)


PATIENCE = [
    (1, 10),
    *(pytest.param(*c, marks=pytest.mark.slow) for c in ((9, 10), (1, 9))),
]


@pytest.mark.parametrize(("patience", "own_from"), PATIENCE)
def test_a_finalist_keeps_the_weights_that_source_dev_data_like_best(
    begun, monkeypatch, patience, own_from
) -> None:
    experiment, params, rows = begun
    drawn = draw_feasible(experiment, 8, "control")
    row = next(row for row in drawn if len(experiment.space.layers(row)) > 1)
    plain = FinalistsConfig(steps=9, learning_rate=0.2, budgets=(0.01,))
    seen = {}

    def keep(number: int, weights) -> None:
        seen[number] = jax.tree.map(np.array, weights)

    make_train_alone(experiment, rows, plain)(params, row, keep)
    looks = [2, 4, 6, 8, 9]
    losses = [dev_loss(experiment, seen[number], row) for number in looks]
    # Patience decides here: the lowest is neither the first nor the last.
    assert losses[0] < losses[1]
    assert 1 < np.argmin(losses) < len(looks) - 1
    monkeypatch.setattr(alone, "OWN_PROGRAM", own_from)
    how = dataclasses.replace(plain, patience=patience, score_every=2)
    found = make_train_alone(experiment, rows, how)(params, row)
    kept = seen[looks[0 if patience == 1 else int(np.argmin(losses))]]
    cuts = [
        flat(cut_layers(one.encoder.layers, experiment.space, row), one.heads)
        for one in (found, kept, params)
    ]
    moved = np.linalg.norm(cuts[1] - cuts[2])
    # A program of its own takes the same steps but for rounding.
    allowed = 0.05 * moved if own_from <= 9 else 0.0
    assert np.linalg.norm(cuts[0] - cuts[1]) <= allowed < moved


def dev_loss(experiment, params, row) -> float:
    """Of a network on the source's dev split, by the other execution."""
    (part,), space = experiment.parts, experiment.space
    source = (part.roles.source,)
    batches = scoring_data(experiment, part, source, "dev", "search").batches
    supernet = make_supernet(space, experiment.shape, "masked")
    arch = space.unflatten(jnp.asarray(row))
    own = jax.device_put(params.of_task(part.name))

    @jax.jit
    def sums(step):
        x = supernet.embed(own.encoder.embeddings, step)
        losses = part.task.loss(supernet.apply(own, x, step, arch), step)
        return (losses.total * step.weight).sum(), (losses.num * step.weight).sum()

    found = [
        sums(jax.tree.map(lambda leaf, n=n: leaf[n], batch))
        for batch in batches
        for n in range(len(batch.length))
    ]
    total, count = np.sum(found, axis=0)
    return float(total / count)
