"""Bounds that follow the languages: monotone, without swinging, losing nothing."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.experiments import RANDOM, tiny_config
from xlnas_jax.config.controller import ReinforceController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.space import AdaptConfig
from xlnas_jax.config.transfer import IdPairs, TransferConfig
from xlnas_jax.controllers.base import Told
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.run import run_search
from xlnas_jax.search.adapt import Adapt, wanted
from xlnas_jax.search.difficulty import Difficulty, combined, difficulty_of
from xlnas_jax.search.engine import make_adapt
from xlnas_jax.search.propose import make_propose
from xlnas_jax.search.strategy import make_strategy
from xlnas_jax.space.bounds import Bounds, Dimension, dimensions, is_within
from xlnas_jax.types import ArchitectureError, ConfigError

EXPERIMENT = prepare(tiny_config())
EVERY = (Dimension("depth", 10), Dimension("ffn", 5), Dimension("heads", 3))
SHARE = st.floats(0.0, 1.0)


def adapt(
    config: AdaptConfig | None = None,
    known: Difficulty = Difficulty(0.5, 0.5),  # noqa: B008
    limit: float | None = None,
    rounds: int = 12,
) -> Adapt:
    limits = ConstraintsConfig(encoder_params=limit)
    return Adapt(EXPERIMENT.costs, limits, config or AdaptConfig(), known, rounds)


def told(one: Adapt, similarities: list[float | None]) -> list[Bounds]:
    """Bounds after each round."""
    state, found = one.init(), []
    for number, similarity in enumerate(similarities):
        state = one.told(state, number, similarity)
        found.append(state.bounds)
    return found


@given(SHARE, SHARE, st.floats(0.1, 3.0))
def test_bounds_rise_with_the_difficulty(one: float, other: float, s: float) -> None:
    config = AdaptConfig(sensitivity={"ffn": s})
    easy, hard = (wanted(EVERY, config, u) for u in sorted((one, other)))
    assert (easy.low <= hard.low).all() and (easy.high <= hard.high).all()
    for bounds in (easy, hard):
        assert (bounds.low <= bounds.high).all()
        assert (bounds.low >= 0).all()
        assert (bounds.high < [d.size for d in EVERY]).all()


def test_they_are_the_formula() -> None:
    found = wanted(EVERY, AdaptConfig(slack=0.5, base=0.5), 0.7)
    # floor(9 * .2), floor(4 * .2), floor(2 * .2); ceil of sizes less 1 times 1.
    assert found.low.tolist() == [1, 0, 0]
    assert found.high.tolist() == [9, 4, 2]
    easy = wanted(EVERY, AdaptConfig(slack=0.5, base=0.25), 0.25)
    assert easy.low.tolist() == [0, 0, 0]
    assert easy.high.tolist() == [5, 2, 1]


@given(SHARE, SHARE, SHARE, SHARE)
def test_a_farther_or_worse_aligned_language_is_not_easier(
    far: float, near: float, cut: float, alike: float
) -> None:
    config = AdaptConfig()
    near, far = sorted((near, far))
    assert combined(Difficulty(near, cut), alike, config) <= combined(
        Difficulty(far, cut), alike, config
    )
    assert combined(Difficulty(far, cut), 1.0, config) <= combined(
        Difficulty(far, cut), alike, config
    )


def test_what_is_not_known_does_not_count() -> None:
    config = AdaptConfig(distance=0.5, alignment=0.3, morphology=0.2)
    assert combined(Difficulty(0.8, None), None, config) == pytest.approx(0.8)
    assert combined(Difficulty(0.8, 0.1), None, config) == pytest.approx(0.42 / 0.7)
    assert combined(Difficulty(0.8, 0.1), 0.5, config) == pytest.approx(0.57)


@given(st.lists(st.floats(0.41, 0.59), min_size=1, max_size=12))
@settings(deadline=None)
def test_inside_the_band_nothing_moves(similarities: list[float]) -> None:
    one = adapt()
    first = one.init().bounds
    for bounds in told(one, list(similarities)):
        assert (bounds.low == first.low).all() and (bounds.high == first.high).all()


@given(st.lists(SHARE, min_size=12, max_size=12), SHARE, SHARE)
@settings(deadline=None, max_examples=40)
def test_bounds_move_one_choice_at_most_and_never_cross(
    similarities: list[float], far: float, cut: float
) -> None:
    one = adapt(known=Difficulty(far, cut))
    before = one.init().bounds
    for bounds in told(one, list(similarities)):
        for side in ("low", "high"):
            moved = np.abs(getattr(bounds, side) - getattr(before, side))
            assert moved.max() <= 1
        assert (bounds.low <= bounds.high).all()
        before = bounds


def test_good_alignment_contracts_and_bad_alignment_expands() -> None:
    # Of distance alone it would be the whole range; alignment decides.
    config = AdaptConfig(distance=0.1, alignment=0.9, morphology=0.0, base=0.0)
    one = adapt(config, Difficulty(1.0, None), rounds=12)
    well = told(one, [0.95] * 12)
    assert well[-1].high.sum() < one.init().high.sum()
    after = told(one, [0.95] * 6 + [0.05] * 6)
    assert after[-1].high.sum() > well[-1].high.sum()


def test_one_good_round_is_not_enough() -> None:
    config = AdaptConfig(distance=0.1, alignment=0.9, base=0.0, smoothing=0.0)
    one = adapt(config, Difficulty(1.0, None))
    first = one.init().high.tolist()
    assert told(one, [0.95, 0.5, 0.95, 0.5])[-1].high.tolist() == first
    assert told(one, [0.95, 0.95])[-1].high.tolist() != first


def test_without_alignment_the_languages_alone_decide() -> None:
    one = adapt()
    assert {tuple(b.high) for b in told(one, [None] * 12)} == {tuple(one.init().high)}


def test_bounds_never_move_where_no_network_fits() -> None:
    # Almost the smallest network: nothing may be left out below.
    least = int(EXPERIMENT.costs.smallest()["encoder_params"])
    config = AdaptConfig(slack=0.0, base=1.0, distance=0.1, alignment=0.9)
    one = adapt(config, Difficulty(0.0, None), limit=float(least))
    state = one.init()
    for number in range(12):
        state = one.told(state, number, 0.0)
    assert state.low.tolist() == [0] * len(dimensions(EXPERIMENT.space))


def test_bounds_within_which_nothing_fits_are_refused_at_the_start() -> None:
    least = int(EXPERIMENT.costs.smallest()["encoder_params"])
    with pytest.raises(ArchitectureError, match=r"the smallest has encoder_params"):
        adapt(AdaptConfig(slack=0.0), Difficulty(1.0, 1.0), limit=float(least)).init()


def test_a_sensitivity_of_nothing_is_refused() -> None:
    config = AdaptConfig(sensitivity={"wings": 2.0})
    with pytest.raises(ConfigError, match=r"\['wings'\]. Use depth, heads, ffn"):
        adapt(config).init()
    with pytest.raises(ConfigError, match="must be below high"):
        AdaptConfig(low=0.6, high=0.5)


def test_proposals_are_inside_and_larger_ones_are_likelier() -> None:
    one = adapt(AdaptConfig(base=0.0, bias=2.0), Difficulty(0.5, 0.5))
    state, space = one.init(), EXPERIMENT.space
    rows = np.asarray(space.flatten(space.sample(jax.random.key(0), 400)))
    inside = one.put(state, rows, jax.random.key(1))
    assert is_within(space, inside, state.bounds).all()
    liked = one.is_taken(state, inside, jax.random.key(2))
    assert 0 < liked.sum() < len(inside)
    costs = EXPERIMENT.costs.counted(inside)["flops"]
    assert costs[liked].mean() > costs[~liked].mean()


def test_the_difficulty_of_real_languages_is_known() -> None:
    found = difficulty_of(EXPERIMENT, AdaptConfig())
    assert found.distance is not None and 0.3 < found.distance < 0.7  # es, ca
    assert found.morphology is not None and 0.0 <= found.morphology < 1.0
    nothing = AdaptConfig(distance=0.0, morphology=0.0)
    assert difficulty_of(EXPERIMENT, nothing) == (None, None)


def test_a_policy_learns_of_its_own_draws_alone() -> None:
    base = tiny_config(controller=ReinforceController())
    space = dataclasses.replace(base.space, adapt=AdaptConfig(base=0.0, slack=0.0))
    experiment = prepare(dataclasses.replace(base, space=space))
    strategy, one = make_strategy(experiment), make_adapt(experiment)
    assert one is not None
    search, limits = experiment.config.search, experiment.config.constraints
    propose = make_propose(
        strategy, experiment.costs, limits, search, jax.random.key, adapt=one
    )
    state, part = strategy.init(jax.random.key(0)), one.init()
    proposal = propose(state, 0, part)
    was_put = ~proposal.is_drawn[: proposal.num]
    assert was_put.any()
    rows = proposal.indices[: proposal.num]
    assert is_within(experiment.space, rows, part.bounds).all()
    scores = np.arange(len(proposal.indices), dtype=np.float32)
    told = Told(
        indices=jax.numpy.asarray(proposal.indices),
        objectives=jax.numpy.asarray(np.stack([scores, scores], -1)),
        is_valid=jax.numpy.arange(len(scores)) < proposal.num,
        is_drawn=jax.numpy.zeros(len(scores), bool),
    )
    after = strategy.tell(state, told)
    assert np.array_equal(after.logits, state.logits)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    base = tiny_config(controller=RANDOM)
    config = dataclasses.replace(
        base,
        space=dataclasses.replace(base.space, adapt=AdaptConfig(base=0.0, slack=0.3)),
        search=dataclasses.replace(
            base.search, rounds=3, objectives=("transfer_loss", "flops"), control=False
        ),
        transfer=TransferConfig(parallel=IdPairs(), pairs=16),
        checkpoint=dataclasses.replace(base.checkpoint, every=1, keep=2),
    )
    run = tmp_path_factory.mktemp("adapted") / "run"
    document, _ = run_search(config, run)
    return config, run, document


def test_a_search_keeps_to_its_bounds_and_says_where_they_were(searched) -> None:
    config, run, document = searched
    history = document["adaptation"]
    names = [one["name"] for one in history["dimensions"]]
    assert names == ["depth", "heads", "ffn"] and len(history["rounds"]) == 3
    assert all(one["alignment"] is not None for one in history["rounds"][1:])
    lines = (run / "metrics.jsonl").read_text().splitlines()
    logged = [json.loads(line) for line in lines][-3:]
    for one, line in zip(history["rounds"], logged, strict=True):
        assert line["difficulty"] == pytest.approx(one["difficulty"], abs=1e-6)
        assert [line[f"high_{name}"] for name in names] == one["high"]
    space = prepare(config).space
    first = history["rounds"][0]
    bounds = Bounds(np.asarray(first["low"]), np.asarray(first["high"]))
    rows = [space.from_values(p["architecture"]) for p in document["points"]]
    # The smallest network of all stands in every front, whatever was searched.
    inside = is_within(space, np.stack(rows), bounds)
    assert inside.sum() >= len(rows) - 1


@pytest.mark.slow
def test_a_killed_search_goes_on_with_the_same_bounds(searched, tmp_path) -> None:
    config, run, document = searched
    again = shutil.copytree(run, tmp_path / "run")
    (again / "front.json").unlink()
    steps = sorted(int(p.name) for p in (again / "checkpoints").iterdir())
    shutil.rmtree(again / "checkpoints" / str(steps[-1]))
    resumed, _ = run_search(config, again)
    assert resumed == document
