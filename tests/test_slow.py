"""What is left for `make test-slow` by name is there, and is left once."""

import ast
from pathlib import Path

from tests.conftest import slow_tests

TESTS = Path(__file__).parent


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_name_is_that_of_a_test() -> None:
    found = slow_tests()
    assert found and found == sorted(set(found), key=found.index)
    for one in found:
        file, name = one.split("::")
        assert name.partition("[")[0] in names_in(TESTS / file), one
