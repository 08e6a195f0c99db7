"""Tasks beside each other: a row for each budget that they share, and what it says."""

import json
import pathlib

import pytest

from tests.tools.recorded import ENVIRONMENT, tables_of
from tests.tools.test_fronts import network, summary

KINDS = {"found": 0.74, "uniform": 0.7, "random": 0.745, "bottom": 0.71}


@pytest.fixture(scope="module")
def tasks():
    with tables_of("tasks") as found:
        yield found["tasks"]


def run(seed: int) -> dict:
    def compared(difference: float) -> dict:
        two = ({"difference": difference, "error": error} for error in (0.006, 0.008))
        return dict(zip("ab", two, strict=True))

    return {
        "seed": seed,
        "networks": {"full": {"summary": summary(0.8, 0.5)}},
        "finalists": {
            "budgets": [0.25, 0.1],
            "networks": [network(kind, "1/4", mean) for kind, mean in KINDS.items()],
            "comparisons": {
                "1/4": {"uniform": compared(0.04), "random": compared(-0.005)},
            },
        },
    }


@pytest.fixture
def recorded(tmp_path: pathlib.Path) -> pathlib.Path:
    document = {"environment": ENVIRONMENT, "runs": [run(0)]}
    (tmp_path / "ner_e5.json").write_text(json.dumps(document))
    return tmp_path


def test_a_row_has_every_kind_and_both_differences(tasks, recorded) -> None:
    text = tasks.tasks_block(recorded)
    (row,) = [line for line in text.splitlines() if line.startswith("| names")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:3] == ["1/4", "80.0 (50.0)"]
    assert cells[3:8] == [
        *("74.0 (54.0)", "70.0 (50.0)", "74.5 (54.5)", "71.0 (51.0)", "-"),
    ]
    # Two tasks of errors .006 and .008: .005 for their mean, 1.96 times to each side.
    assert cells[8:] == ["+4.0 (+3.0 to +5.0)", "-0.5 (-1.5 to +0.5)", "1"]


def test_what_is_not_there_is_said_and_what_is_there_counted(tasks, recorded) -> None:
    text = tasks.tasks_block(recorded)
    assert "than uniform scaling it is better in 1 of 1 rows, worse in 0" in text
    assert "than random search it is better in 0 of 1 rows, worse in 0" in text
    missing = [f"`configs/{name}.yaml`" for name in tasks.TASKS if name != "ner_e5"]
    assert f"Not measured: {', '.join(missing)}." in text
