"""What every measure must keep: its ends, its symmetry, its errors."""

import numpy as np
import pytest

from xlnas_jax.alignment.measures.base import checked
from xlnas_jax.alignment.measures.combined import Weights, combined_score, with_error
from xlnas_jax.alignment.measures.registry import MEASURES, Measure
from xlnas_jax.types import DataError

EVERY = pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))
# Blind to rotations, moves and scales of one side by what they measure.
SHAPE_ALONE = ("cka", "rsim", "procrustes")


def spaces(num: int = 40, width: int = 12, noise: float = 0.3, seed: int = 0):
    """Two languages: the second is the first with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(num, width))
    return x, x + noise * rng.normal(size=x.shape)


def random_rotation(width: int, seed: int = 1) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


@EVERY
def test_a_language_is_most_alike_to_itself(measure: Measure) -> None:
    x, _ = spaces()
    best = 1.0 if measure.is_better_high else 0.0
    assert measure.run(x, x) == pytest.approx(best, abs=1e-7)


@EVERY
def test_much_noise_is_less_alike(measure: Measure) -> None:
    none, much = (measure.run(*spaces(60, 16, noise)) for noise in (0.0, 4.0))
    assert none > much if measure.is_better_high else none < much


@pytest.mark.parametrize("name", ["score", "p1", "cka", "rsim"])
def test_more_noise_is_less_alike_step_by_step(name: str) -> None:
    steps = (0.0, 0.5, 1.0, 2.0, 4.0)
    values = [MEASURES[name].run(*spaces(60, 16, noise)) for noise in steps]
    assert values == sorted(values, reverse=True)


@EVERY
def test_both_directions_are_one_number(measure: Measure) -> None:
    x, y = spaces()
    assert measure.run(x, y) == pytest.approx(measure.run(y, x))


@EVERY
def test_the_order_of_pairs_does_not_matter(measure: Measure) -> None:
    x, y = spaces()
    order = np.random.default_rng(2).permutation(len(x))
    assert measure.run(x[order], y[order]) == pytest.approx(measure.run(x, y))


@pytest.mark.parametrize("name", SHAPE_ALONE)
def test_a_rotation_of_one_side_is_not_seen_by_measures_of_shape(name: str) -> None:
    x, y = spaces()
    turned = y @ random_rotation(y.shape[1])
    assert MEASURES[name].run(x, turned) == pytest.approx(MEASURES[name].run(x, y))


def test_a_rotation_leaves_no_translation_nearest() -> None:
    x, _ = spaces(60, 64)
    turned = x @ random_rotation(64)
    assert MEASURES["cka"].run(x, turned) == pytest.approx(1.0)
    assert MEASURES["p1"].run(x, turned) < 0.2


def test_a_move_of_one_side_is_undone_by_taking_means_away() -> None:
    x, y = spaces(60, 16, 0.2)
    moved = y + 20.0
    assert MEASURES["p1"].run(x, moved) < 0.5 < MEASURES["p1_centred"].run(x, moved)
    assert MEASURES["centroid"].run(x, moved) > 10 * MEASURES["centroid"].run(x, y)


def test_the_combined_score_is_what_its_parts_make() -> None:
    x, y = spaces()
    parts = [MEASURES[name].run(x, y) for name in ("p1", "cka", "rsim")]
    assert combined_score(x, y) == pytest.approx(np.dot((0.5, 0.3, 0.2), parts))
    assert combined_score(x, y, Weights(1.0, 0.0, 0.0)) == pytest.approx(parts[0])


def test_unrelated_spaces_score_about_nothing() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 200, 64))
    assert combined_score(x, y) < 0.03


def test_the_error_is_that_of_repeated_samples() -> None:
    def value(seed: int) -> tuple[float, float]:
        return with_error(combined_score, *spaces(80, 16, 1.0, seed), seed)

    found = [value(seed) for seed in range(30)]
    true = np.std([one.value for one in found], ddof=1)  # pyright: ignore
    told = np.median([one.error for one in found])  # pyright: ignore
    assert 0.6 < told / true < 1.7


def test_of_very_few_pairs_no_error_is_told() -> None:
    x, y = spaces(4)
    assert np.isnan(with_error(combined_score, x, y).error)
    assert np.isfinite(with_error(combined_score, *spaces(12)).error)


def few(x, y):
    return x[:3], y[:3]


def constant(x, y):
    return x, np.ones_like(y)


def not_finite(x, y):
    y = y.copy()
    y[7, 3] = np.nan
    return x, y


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (few, "at least 4 pairs of translations; got 3"),
        (constant, "all 40 of the second language are the same"),
        (not_finite, "of the second language 1 are not, the first of pair 7"),
    ],
)
@EVERY
def test_what_is_no_pair_of_spaces_is_refused(measure: Measure, spoil, message) -> None:
    with pytest.raises(DataError, match=message):
        measure.run(*spoil(*spaces()))


def test_what_is_checked_is_in_double_precision() -> None:
    x, y = spaces()
    assert {v.dtype for v in checked(x.astype(np.float32), y)} == {np.dtype("float64")}


def test_both_languages_have_as_many_vectors_of_one_width() -> None:
    x, y = spaces()
    for ours, theirs in ((x[:-1], y), (x[:, :-1], y), (x[0], y[0])):
        with pytest.raises(DataError, match="as many vectors"):
            checked(ours, theirs)
