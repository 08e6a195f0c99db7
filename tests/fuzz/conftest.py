"""Counts what was generated, and says it at the end."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.contract import Tally

COUNTED = "fuzzed"


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What one test counts."""
    found = Tally()
    yield found
    # Properties travel from xdist's workers with the report of the teardown.
    counts = (request.node.path.stem, found.accepted, found.refused)
    request.node.user_properties.append((COUNTED, counts))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line a file of tests: how many inputs, and how many of them were refused."""
    accepted: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "teardown":
                continue
            for name, value in report.user_properties:
                if name == COUNTED:
                    accepted[value[0]] += value[1]
                    refused[value[0]] += value[2]
    for name in sorted(accepted):
        total = accepted[name] + refused[name]
        terminalreporter.write_line(
            f"{name}: {total:,} inputs, {accepted[name]:,} accepted and "
            f"{refused[name]:,} refused in one paragraph"
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where files that readers are tried on are written."""
    return tmp_path_factory.mktemp("readers")
