"""Every line of the list of reports names its source, and a test that is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "tests" / "reports.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| kind ")
]
SOURCE = re.compile(r"found here|\[[^\]]+\]\(https://[^)]+\)")


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_as_many_as_the_first_survey_had() -> None:
    assert len(ROWS) >= 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_report_has_its_source_and_its_test(row: list[str]) -> None:
    kind, source, held = row
    assert kind
    assert SOURCE.search(source)
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)", held)
    assert tests
    for path, name in tests:
        assert name in names_in(ROOT / path), f"{path} has no {name}"
