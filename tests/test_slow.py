"""What is left for `make test-slow` by name is there, and is left once."""

from pathlib import Path

from tests.conftest import slow_tests
from tests.test_reports import names_in

TESTS = Path(__file__).parent


def test_every_name_is_that_of_a_test() -> None:
    found = slow_tests()
    assert found and found == sorted(set(found), key=found.index)
    for one in found:
        file, name = one.split("::")
        assert name.partition("[")[0] in names_in(TESTS / file), one
