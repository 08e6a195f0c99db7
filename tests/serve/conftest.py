"""One server of all tasks for every test that leaves it as it is."""

from collections.abc import Iterator

import pytest

from tests.serve.models import ALONE, HEADS, SMALL, serving_of
from xlnas_jax.serve.serving import Serving


@pytest.fixture(scope="session")
def serving() -> Iterator[Serving]:
    with serving_of([*HEADS], SMALL) as found:
        yield found


@pytest.fixture(scope="session")
def one_by_one() -> Iterator[Serving]:
    """Batches of one row each: the very numbers of a text alone."""
    with serving_of([*HEADS], ALONE) as found:
        yield found
