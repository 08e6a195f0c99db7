"""The log says what was gained, and each remark once."""

import pytest

from tests.archives import archive_of, box_of
from tests.settings import make_costs
from xlnas_jax.run.watch import Watch

SITES = len(make_costs().space.num_choices)


def archive(*points):
    import numpy as np

    rows = np.zeros((len(points), SITES), np.int32)
    rows[:, 0] = np.arange(len(points))
    return archive_of(list(points), rows)


def test_gains_are_counted_from_the_archive_before():
    box = box_of("error")
    watch = Watch(box, make_costs(), archive([0.5]))
    first, second = watch.read(archive([0.4])), watch.read(archive([0.45]))
    assert first["hypervolume"] == pytest.approx(0.6)
    assert first["hypervolume_gain"] == pytest.approx(0.1)
    assert second["hypervolume_gain"] == pytest.approx(-0.05)


def test_a_watch_that_starts_anew_goes_on_with_the_same_numbers():
    box, archives = box_of("error"), [archive([0.5]), archive([0.3]), archive([0.2])]
    unbroken = Watch(box, make_costs(), archives[0])
    unbroken.read(archives[1])
    resumed = Watch(box, make_costs(), archives[1])
    assert resumed.read(archives[2]) == unbroken.read(archives[2])


def test_points_beyond_the_reference_are_counted_and_named_once():
    box = box_of("error", given=(0.4,))
    watch = Watch(box, make_costs(), archive([0.5]))
    found = watch.read(archive([0.5]))
    assert (found["outside_reference"], found["hypervolume"]) == (1, 0)
    (text,) = watch.remarks(1, 0)
    assert "error 0.4" in text
    assert "search.reference" in text
    assert watch.remarks(2, 0) == []
    (text,) = watch.remarks(2, 3)
    assert "3 candidates" in text
