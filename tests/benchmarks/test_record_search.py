"""What is recorded of searches names the command that made it."""

import argparse
from pathlib import Path

import pytest

from benchmarks.evidence.record_search import command_of


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], ""),
        (["finalists.steps=20"], " --set finalists.steps=20"),
        (["finalists.budgets=[0.5, 0.25]"], " --set 'finalists.budgets=[0.5, 0.25]'"),
    ],
)
def test_what_was_set_otherwise_is_part_of_the_command(changes, told) -> None:
    given = argparse.Namespace(
        config=Path("configs/one.yaml"), seeds=[0, 2], changes=changes, out=Path("one")
    )
    assert command_of(given) == (
        "python -m benchmarks.evidence.record_search configs/one.yaml --seeds 0 2"
        f"{told} --out one"
    )
