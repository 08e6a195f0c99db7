"""Signals of an archive, in a box that stays the same, against pymoo and by hand."""

import numpy as np
import pytest
from pymoo.indicators.hv import HV
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from tests.archives import GUESS, archive_of, box_of
from tests.models import tiny_space
from tests.settings import make_costs
from xlnas_jax.objectives.pareto import init_archive
from xlnas_jax.objectives.signals import (
    budget,
    front_of,
    read_archive,
    trade_off,
    two_front,
)
from xlnas_jax.types import ConfigError

COSTS = make_costs()
FULL = {
    name: float(value[0])
    for name, value in COSTS(
        np.asarray(COSTS.space.flatten(COSTS.space.largest()))[None]
    ).items()
}
SMALLEST = COSTS.smallest()


def test_the_volume_is_the_share_of_the_box_that_pymoo_counts():
    box = box_of("error", "flops")
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = np.stack(
            [
                rng.uniform(0, 1.2, 12),
                rng.uniform(SMALLEST["flops"], FULL["flops"], 12),
            ],
            axis=-1,
        )
        whole = np.prod(np.subtract(box.reference, box.ideal))
        expected = HV(ref_point=np.asarray(box.reference))(points) / whole
        assert box.volume(points) == pytest.approx(expected, rel=1e-9)


def test_nothing_is_better_than_the_ideal_and_nothing_worse_than_the_reference_counts():
    box = box_of("error", "flops", "params")
    ideal, reference = np.asarray([box.ideal]), np.asarray([box.reference])
    assert box.volume(ideal) == pytest.approx(1.0)
    assert box.volume(reference) == 0.0
    assert box.outside(np.concatenate([ideal, reference, reference * 1.01])) == 1


def test_by_default_the_costliest_network_within_the_budget_counts():
    free = box_of("error", "flops")
    assert free.ideal == (0.0, SMALLEST["flops"])
    assert free.reference[0] == 1.0
    assert free.reference[1] > FULL["flops"]
    limit = (SMALLEST["flops"] + FULL["flops"]) / 2
    tight = box_of("error", "flops", flops=limit)
    assert limit < tight.reference[1] < free.reference[1]
    assert tight.volume(np.asarray([[0.5, limit]])) > 0


def test_by_default_a_network_that_knows_nothing_is_the_reference_of_scores():
    box = box_of("worst_error", "error", "loss", "worst_loss")
    assert box.ideal == (0.0,) * 4
    np.testing.assert_allclose(box.reference, (1.0, 1.0, GUESS, GUESS), rtol=1e-6)


def test_a_limit_that_only_the_smallest_network_meets_leaves_a_box():
    box = box_of("error", "params", params=float(SMALLEST["params"]))
    assert box.volume(np.asarray([[0.25, SMALLEST["params"]]])) == pytest.approx(0.75)


def test_a_given_reference_is_kept():
    given = (0.8, 2.0 * FULL["flops"])
    assert box_of("error", "flops", given=given).reference == given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0.8,), "a value for each"),
        ((0.8, SMALLEST["flops"] - 1.0), "smallest network's"),
        ((0.0, FULL["flops"]), "best one"),
    ],
)
def test_a_reference_that_no_network_can_beat_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        box_of("error", "flops", given=given)


def test_the_budget_is_the_limit_or_the_full_network():
    limits = box_of("error", "flops")  # no limit
    assert limits.reference[1] == pytest.approx(
        SMALLEST["flops"] + 1.1 * (FULL["flops"] - SMALLEST["flops"])
    )
    from xlnas_jax.config.cost import ConstraintsConfig

    found = budget(COSTS, ConstraintsConfig(params=FULL["params"] / 2, flops=1e15))
    assert found["params"] == FULL["params"] / 2
    assert found["flops"] == FULL["flops"]


def test_the_front_of_a_score_and_a_cost_equals_pymoo():
    rng = np.random.default_rng(0)
    for _ in range(30):
        pairs = rng.integers(0, 6, (15, 2)).astype(float)
        expected = np.zeros(15, bool)
        expected[NonDominatedSorting().do(pairs, only_non_dominated_front=True)] = True
        np.testing.assert_array_equal(two_front(*pairs.T), expected)


def test_slopes_are_those_between_neighbours_on_the_front():
    costs = np.asarray([3.0, 1.0, 2.0, 1.0, 2.5, 2.0])
    scores = np.asarray([0.1, 0.5, 0.3, 0.6, 0.4, 0.3])
    np.testing.assert_allclose(trade_off(scores, costs), [-0.2, -0.2])
    assert len(trade_off(scores[:1], costs[:1])) == 0


def test_an_archive_is_read_as_it_stands():
    box, space = box_of("error", "flops"), tiny_space()
    low, width = SMALLEST["flops"], box.reference[1] - SMALLEST["flops"]
    points = [[0.6, low], [0.4, low + 0.5 * width], [0.3, low + 0.6 * width]]
    rows = np.zeros((3, len(space.num_choices)), np.int32)
    rows[:, 0] = [0, 1, 1]  # the first layer kept or not
    rows[2, space.columns("ffn").start] = 2
    found = read_archive(archive_of(points, rows), box, COSTS)

    assert found["hypervolume"] == pytest.approx(
        0.4 * 0.5 + 0.6 * 0.1 + 0.7 * 0.4, rel=1e-4
    )
    assert found["outside_reference"] == 0
    assert found["archive_flops"] == pytest.approx(low + 1.1 / 3 * width, rel=1e-4)
    assert found["slope_flops_min"] == pytest.approx(-1.0, rel=1e-3)
    assert found["slope_flops_max"] == pytest.approx(-0.4, rel=1e-3)
    assert found["slope_flops"] == pytest.approx(-0.7, rel=1e-3)
    # Three sites of keep, three of heads, three of ffn and one of pooling: one of them
    # differs, by the whole range, and another by the whole range; of both, two.
    assert found["diversity"] == pytest.approx((1 + 2 + 1) / 3 / 10)


def test_an_empty_archive_has_no_volume_and_no_slope():
    found = read_archive(init_archive(4, 10, 2, 1), box_of("error", "flops"), COSTS)
    assert found == {"hypervolume": 0.0, "outside_reference": 0.0, "diversity": 0.0}


def test_what_nothing_in_an_archive_beats_is_its_front():
    points = [[0.3, 2.0], [0.2, 3.0], [0.3, 3.0], [0.2, 3.0], [0.5, 1.0], [0.6, 1.0]]
    assert front_of(archive_of(points)) == pytest.approx(
        np.asarray([[0.2, 3.0], [0.3, 2.0], [0.5, 1.0]])
    )
    assert front_of(archive_of([])).shape[0] == 0
