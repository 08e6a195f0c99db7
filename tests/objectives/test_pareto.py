"""Fronts against pymoo and moocore; the archive against a plain re-statement."""

import jax
import jax.numpy as jnp
import moocore
import numpy as np
import pytest
from pymoo.indicators.hv import HV
from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
from pymoo.util.dominator import Dominator
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from xlnas_jax.objectives.pareto import (
    Archive,
    crowding_distance,
    feasible_first_rank,
    front_mask,
    hypervolume,
    init_archive,
    insert,
    nondominated,
    nondominated_rank,
)

SIZE = 24
# float32 differences of numbers in [0, 1], against float64.
CROWDING_TOLERANCE = 1e-5
VOLUME_TOLERANCE = 1e-12
NUM_DRAWN = 20_000

rank_jit = jax.jit(nondominated_rank)
front_jit = jax.jit(nondominated)
feasible_first_jit = jax.jit(feasible_first_rank)
crowding_jit = jax.jit(crowding_distance)
insert_jit = jax.jit(insert)


def _point_sets(num_objectives: int, num_sets: int) -> list[np.ndarray]:
    """Random sets: continuous, on a coarse grid (ties), and with copied rows."""
    rng = np.random.default_rng(num_objectives)
    sets = []
    for i in range(num_sets):
        points = rng.random((SIZE, num_objectives))
        if i % 3 == 1:
            points = np.round(points * 3) / 4
        if i % 3 == 2:
            points = points[rng.integers(0, SIZE, SIZE)]
        sets.append(points.astype(np.float32))
    return sets


def _pymoo_rank(points: np.ndarray) -> np.ndarray:
    rank = np.full(len(points), -1)
    for i, front in enumerate(NonDominatedSorting().do(points.astype(np.float64))):
        rank[front] = i
    return rank


def _pymoo_crowding(points: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Per front, of the first of equal points; the copies get 0."""
    expected = np.zeros(len(points))
    for front in range(rank.max() + 1):
        rows = np.flatnonzero(rank == front)
        first = rows[np.sort(np.unique(points[rows], axis=0, return_index=True)[1])]
        expected[first] = np.inf
        if len(first) > 2:
            expected[first] = calc_crowding_distance(points[first].astype(np.float64))
    return expected


@pytest.mark.parametrize("num_objectives", [1, 2, 3, 4])
def test_rank_and_front_equal_pymoo(num_objectives):
    everything = np.ones(SIZE, bool)
    for points in _point_sets(num_objectives, 250):
        expected = _pymoo_rank(points)
        np.testing.assert_array_equal(rank_jit(points, everything), expected)
        np.testing.assert_array_equal(
            front_jit(jnp.asarray(points), jnp.asarray(everything)), expected == 0
        )


@pytest.mark.parametrize("num_objectives", [1, 2, 3])
def test_crowding_equals_pymoo(num_objectives):
    for points in _point_sets(num_objectives, 336):
        rank = _pymoo_rank(points)
        np.testing.assert_allclose(
            crowding_jit(points, rank.astype(np.int32)),
            _pymoo_crowding(points, rank),
            rtol=CROWDING_TOLERANCE,
            atol=CROWDING_TOLERANCE,
        )


class _FeasibleFirst:
    """Pymoo's constrained dominance, for its sorting."""

    def __init__(self, violation: np.ndarray) -> None:
        self.violation = violation.astype(np.float64)[:, None]

    def calc_domination_matrix(self, points: np.ndarray) -> np.ndarray:
        return Dominator.calc_domination_matrix_loop(points, self.violation)


@pytest.mark.parametrize("num_objectives", [1, 2, 3])
def test_feasible_first_rank_equals_pymoo(num_objectives):
    everything = np.ones(SIZE, bool)
    rng = np.random.default_rng(0)
    for points in _point_sets(num_objectives, 336):
        # About half are feasible; of the others some break the limits equally.
        violation = np.round(rng.normal(size=SIZE), 1).astype(np.float32)
        rank = np.full(SIZE, -1)
        sorting = NonDominatedSorting(dominator=_FeasibleFirst(violation))
        for i, front in enumerate(sorting.do(points.astype(np.float64))):
            rank[front] = i

        found = feasible_first_jit(points, violation, everything)

        np.testing.assert_array_equal(found, rank)


def test_every_feasible_point_ranks_before_every_infeasible_one():
    points = jnp.asarray([[9.0, 9.0], [0.0, 0.0], [8.0, 8.0], [0.0, 0.0], [0.0, 0.0]])
    violation = jnp.asarray([0.0, 0.2, -3.0, 0.1, jnp.nan])

    rank = feasible_first_rank(points, violation, jnp.ones(5, bool))

    np.testing.assert_array_equal(rank, [1, 3, 0, 2, 5])


def test_rows_that_are_invalid_or_not_finite_do_not_count():
    points = jnp.asarray([[0.0, 0.0], [jnp.nan, 0.0], [-jnp.inf, 0.0], [2, 1], [1, 2]])
    is_valid = jnp.asarray([False, True, True, True, True])

    rank = nondominated_rank(points, is_valid)
    crowding = crowding_distance(points, rank)

    np.testing.assert_array_equal(rank, [5, 5, 5, 0, 0])
    np.testing.assert_array_equal(
        nondominated(points, is_valid), [False, False, False, True, True]
    )
    np.testing.assert_array_equal(crowding, [0, 0, 0, np.inf, np.inf])


def test_rank_of_nothing_valid_is_the_population_size():
    rank = nondominated_rank(jnp.zeros((3, 2)), jnp.zeros(3, bool))

    np.testing.assert_array_equal(rank, [3, 3, 3])


@pytest.mark.parametrize("num_objectives", [1, 2, 3, 4])
def test_hypervolume_equals_moocore(num_objectives):
    # Some points lie outside: they must neither add nor take away.
    reference = np.full(num_objectives, 0.8)
    for points in _point_sets(num_objectives, 60):
        expected = moocore.hypervolume(points.astype(np.float64), ref=reference)
        assert hypervolume(points, reference) == pytest.approx(
            expected, rel=VOLUME_TOLERANCE, abs=VOLUME_TOLERANCE
        )


@pytest.mark.parametrize("num_objectives", [2, 3, 4])
def test_hypervolume_equals_pymoo_and_a_count_of_random_points(num_objectives):
    rng = np.random.default_rng(0)
    reference = np.full(num_objectives, 0.9)
    drawn = rng.random((NUM_DRAWN, num_objectives)) * reference
    for points in _point_sets(num_objectives, 3):
        exact = hypervolume(points, reference)
        inside = points[(points < reference).all(-1)].astype(np.float64)
        assert exact == pytest.approx(HV(ref_point=reference)(inside), rel=1e-9)
        is_below = (inside[None] <= drawn[:, None]).all(-1).any(-1)
        share, whole = is_below.mean(), np.prod(reference)
        error = np.sqrt(max(share * (1 - share), 1 / NUM_DRAWN) / NUM_DRAWN)
        assert exact / whole == pytest.approx(share, abs=4 * error)


def test_hypervolume_of_a_known_staircase():
    points = np.asarray([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [9.0, 0.0], [np.nan, 0]])

    assert hypervolume(points, np.asarray([4.0, 4.0])) == 6.0
    assert hypervolume(points[:0], np.asarray([4.0, 4.0])) == 0.0


def _rows(*numbers: int) -> jax.Array:
    return jnp.asarray(numbers, jnp.int32)[:, None]


def _add(archive: Archive, names: list[int], objectives: list, **changes) -> Archive:
    """Inserts single-site networks called by number, whose value is ten times it."""
    arguments = {
        "values": 10.0 * _rows(*names).astype(jnp.float32),
        "is_valid": jnp.ones(len(names), bool),
        **changes,
    }
    return insert_jit(
        archive, _rows(*names), jnp.asarray(objectives, jnp.float32), **arguments
    )


def _contents(archive: Archive) -> dict[int, list[float]]:
    keep = np.asarray(archive.is_valid)
    names = np.asarray(archive.indices)[keep, 0].tolist()
    return dict(zip(names, np.asarray(archive.objectives)[keep].tolist(), strict=True))


def test_newer_scores_replace_older_ones_even_when_worse():
    archive = _add(init_archive(4, 1, 2, 1), [1, 2], [[0.1, 1.0], [0.5, 0.5]])

    archive = _add(archive, [1], [[0.3, 1.0]], values=jnp.asarray([[7.0]]))

    assert _contents(archive) == {
        1: pytest.approx([0.3, 1.0]),
        2: pytest.approx([0.5, 0.5]),
    }
    row = np.flatnonzero(np.asarray(archive.indices)[:, 0] == 1)[0]
    assert float(archive.values[row, 0]) == 7.0


def test_last_of_equal_rows_in_one_call_counts():
    archive = _add(init_archive(4, 1, 2, 1), [1, 1], [[0.1, 1.0], [0.5, 2.0]])

    assert _contents(archive) == {1: pytest.approx([0.5, 2.0])}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_failed_scores_never_enter_nor_replace(bad):
    archive = _add(init_archive(4, 1, 2, 1), [1], [[0.5, 0.5]])

    archive = _add(archive, [1, 2, 3], [[bad, 0.1], [bad, 0.1], [0.1, bad]])

    assert _contents(archive) == {1: pytest.approx([0.5, 0.5])}


def test_invalid_rows_never_enter():
    archive = _add(
        init_archive(4, 1, 2, 1),
        [1, 2],
        [[0, 0], [1, 1]],
        is_valid=_rows(0, 1)[:, 0] > 0,
    )

    assert _contents(archive) == {2: [1, 1]}


def test_full_archive_keeps_the_front_then_its_spread():
    line = [[0.0, 1.0], [0.1, 0.9], [0.15, 0.85], [0.2, 0.8], [0.6, 0.4], [1.0, 0.0]]
    archive = _add(init_archive(4, 1, 2, 1), [9], [[0.9, 0.9]])

    archive = _add(archive, list(range(6)), line)

    assert list(_contents(archive)) == [0, 5, 4, 3]


def test_ties_are_broken_by_age():
    archive = _add(init_archive(2, 1, 2, 1), [1, 2], [[0.5, 0.5], [0.5, 0.5]])

    archive = _add(archive, [3, 4], [[0.5, 0.5], [0.5, 0.5]])

    assert list(_contents(archive)) == [1, 2]


def test_front_of_a_roomy_archive_is_the_front_of_everything_told():
    rng = np.random.default_rng(0)
    points = np.round(rng.random((5, 12, 3)), 1).astype(np.float32)
    archive = init_archive(60, 1, 3, 1)

    for i, population in enumerate(points):
        names = list(range(12 * i, 12 * i + 12))
        archive = _add(archive, names, population)

    front = np.asarray(archive.indices)[np.asarray(front_mask(archive)), 0]
    expected = np.flatnonzero(_pymoo_rank(points.reshape(-1, 3)) == 0)
    assert sorted(front) == expected.tolist()


def test_archives_with_equal_contents_are_equal_bit_for_bit():
    empty = init_archive(4, 1, 2, 1)

    untouched = _add(empty, [1, 2], [[np.nan, 0], [0, np.nan]])

    for leaf, blank in zip(
        jax.tree.leaves(untouched), jax.tree.leaves(empty), strict=True
    ):
        np.testing.assert_array_equal(leaf, blank)


def test_insert_keeps_shapes_and_types_under_scan():
    archive = init_archive(8, 2, 2, 3)
    key = jax.random.key(0)

    def step(archive, key):
        scores = jax.random.uniform(key, (5, 2))
        indices = jax.random.randint(key, (5, 2), 0, 3)
        return insert(
            archive, indices, scores, jnp.zeros((5, 3)), scores[:, 0] > 0.2
        ), 0

    end, _ = jax.lax.scan(step, archive, jax.random.split(key, 20))

    assert int(end.is_valid.sum()) == 8
    assert len(np.unique(np.asarray(end.indices), axis=0)) == 8
