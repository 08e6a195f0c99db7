"""Writes which tests the default suite leaves to `make test-long`: a plugin of pytest.

    make test-list

runs all but the slow ones and lists in `tests/long.txt` those that take more than
`--long-above` seconds, on a machine that does nothing else. What tests share counts for
each that asks for it: were it left to the first alone, the next would have to make it.
Nothing but time hangs on the list, which is made again where the suite has grown.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LIST = Path(__file__).with_name("long.txt")
HEADER = (
    "# Tests of more than {limit:g} s: whole searches, commands, many compilations.\n"
    "# Made by `make test-list`; `make test-long` runs them, as every check does.\n"
)
# In the default suite however long they take: a command that searches, what it leaves
# loaded again, rounds that are resumed, and a network that is cut out.
KEPT = (
    "cli/test_commands.py::test_search_writes_what_the_contract_names",
    "cli/test_commands.py::test_exported_model_loads_and_scores_as_the_front_says",
    "search/test_search.py::test_resuming_from_any_round_gives_the_same_bits",
    "export/test_slice.py::test_exported_logits_equal_the_supernets",
)
_MADE, _ASKS = "made", "asks for"
# What a fixture is made for: one of a module, or for all.
Shared = tuple[str, str]


def longer_than(
    limit: float,
    seconds: Counter[str],
    made: Counter[Shared],
    asks: dict[str, set[Shared]],
) -> list[str]:
    """Names of tests that take more than `limit` seconds, sorted, without `KEPT`.

    Args:
        seconds: of each test, without what it shares with others.
        made: seconds of what is shared.
        asks: what each test shares with others.
    """
    is_kept = {name: name.partition("[")[0] in KEPT for name in seconds}
    # It is made in any case.
    free = {one for name, shared in asks.items() if is_kept[name] for one in shared}
    costly = {one for one, took in made.items() if took > limit} - free
    return sorted(
        name
        for name, took in seconds.items()
        if not is_kept[name] and (took > limit or asks.get(name, set()) & costly)
    )


class Times:
    """Adds up what every test took, and writes the list when all have run."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.seconds: Counter[str] = Counter()
        self.made: Counter[Shared] = Counter()
        self.asks: dict[str, set[Shared]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.removeprefix("tests/")
        self.seconds[name] += report.duration
        if report.when != "teardown":  # each says what the ones before it said, too
            return
        told: dict[str, list[Any]] = {_MADE: [], _ASKS: []}
        for kind, value in report.user_properties:
            if kind in told:
                told[kind].append(value)
        self.asks[name] = {(place, fixture) for place, fixture in told[_ASKS]}
        for place, fixture, took in told[_MADE]:
            self.seconds[name] -= took
            self.made[place, fixture] = max(took, self.made[place, fixture])

    def pytest_sessionfinish(self) -> None:
        lines = longer_than(self.limit, self.seconds, self.made, self.asks)
        LIST.write_text(HEADER.format(limit=self.limit) + "\n".join(lines) + "\n")


class Shares:
    """Says with every test what it shares with others, and how long that took."""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef, request: pytest.FixtureRequest
    ) -> Iterator[None]:
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            took = time.perf_counter() - start
            if fixturedef.scope != "function":
                place = _place(fixturedef.scope, request.node.nodeid)
                item = request._pyfuncitem
                told = [place, fixturedef.argname, took]
                item.user_properties.append((_MADE, told))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        info = getattr(item, "_fixtureinfo", None)
        for name, found in info.name2fixturedefs.items() if info else ():
            if found[-1].scope != "function":
                place = _place(found[-1].scope, item.nodeid)
                item.user_properties.append((_ASKS, [place, name]))


def _place(scope: str, nodeid: str) -> str:
    """The module that a fixture is made for, or nothing where it is for all."""
    return "" if scope == "session" else nodeid.partition("::")[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long-above", type=float, help="seconds; writes tests/long.txt")


def pytest_configure(config: pytest.Config) -> None:
    limit = config.getoption("--long-above")
    if limit is None:
        return
    config.pluginmanager.register(Shares(), "shares")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Times(limit), "times")
