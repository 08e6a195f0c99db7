import itertools

import numpy as np
import pytest

from tests.models import tiny_space
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.types import ArchitectureError


@pytest.mark.parametrize("min_layers", [1, 2, 3])
def test_each_network_is_listed_once(min_layers):
    space = tiny_space(min_layers=min_layers)
    drawn = itertools.product(*map(range, space.num_choices))
    rows = np.asarray(list(drawn), np.int32)
    rows = rows[space.num_kept(rows) >= min_layers]
    found = every_architecture(space)
    expected = np.unique(space.canonical(rows), axis=0)
    np.testing.assert_array_equal(np.unique(found, axis=0), expected)
    assert len(found) == len(expected) == space.size


def test_neighbours_share_their_first_layers():
    space = tiny_space()
    rows = every_architecture(space)
    first = [rows[:, space.columns(n).start] for n in ("keep", "heads", "ffn")]
    code = np.stack(first, -1) @ np.asarray([100, 10, 1])
    assert (np.diff(code) >= 0).all()


def test_a_space_too_large_is_refused():
    knobs = Knob("keep", (0, 1), 6), Knob("ffn", tuple(range(1, 30)), 6, True)
    with pytest.raises(ArchitectureError, match="at most 1,000,000"):
        every_architecture(SearchSpace(knobs))
