"""What is left for another command by name is there, and is left once."""

from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import listed
from tests.test_reports import names_in
from tests.times import KEPT, longer_than

TESTS = Path(__file__).parent


@pytest.mark.parametrize("kind", ["slow", "long"])
def test_every_name_is_that_of_a_test(kind: str) -> None:
    found = listed(kind)
    assert found and found == sorted(set(found), key=found.index)
    for one in found:
        file, name = one.split("::")
        assert name.partition("[")[0] in names_in(TESTS / file), one


def test_a_test_is_left_for_one_command() -> None:
    assert not set(listed("slow")) & set(listed("long"))


def test_what_takes_longer_is_listed_but_for_what_is_kept() -> None:
    for name in KEPT:
        file, test = name.split("::")
        assert test in names_in(TESTS / file), name
    seconds = Counter({f"{KEPT[0]}[a]": 9.0, "b.py::b[x]": 2.5, "a.py::a": 3.0})
    assert longer_than(2.5, seconds, Counter(), {}) == ["a.py::a"]
    assert longer_than(2.0, seconds, Counter(), {}) == ["a.py::a", "b.py::b[x]"]


def test_who_asks_for_what_takes_longer_is_listed_but_where_it_is_made_anyway() -> None:
    seconds = Counter({"a.py::a": 0.1, "a.py::b": 0.1, "a.py::c": 0.1, KEPT[0]: 0.1})
    made = Counter({("a.py", "engine"): 5.0, ("a.py", "rows"): 0.2, ("", "run"): 9.0})
    asks = {
        "a.py::a": {("a.py", "engine"), ("a.py", "rows")},
        "a.py::b": {("a.py", "rows")},
        "a.py::c": {("", "run")},
        KEPT[0]: {("", "run")},
    }
    assert longer_than(1.0, seconds, made, asks) == ["a.py::a"]
    without = {name: shared for name, shared in asks.items() if name != KEPT[0]}
    assert longer_than(1.0, seconds, made, without) == ["a.py::a", "a.py::c"]
