"""Tables of finalists say what was recorded, by budget and control."""

import json
import pathlib

import pytest

from tests.tools.recorded import ENVIRONMENT, tables_of


@pytest.fixture(scope="module")
def fronts():
    with tables_of("fronts") as found:
        yield found["fronts"]


def summary(mean: float, worst: float) -> dict:
    return {
        "tasks": {"task": {"target_mean": mean, "worst_language": {"score": worst}}}
    }


def network(kind: str, place: str, mean: float) -> dict:
    return {
        "kind": kind,
        "places": [place],
        "summary": summary(mean, mean - 0.2),
        "costs": {"encoder_params": 5_000_000},
        "objectives": {"divergence": 0.1},
        "before": {"objectives": {"divergence": 0.4}},
    }


def run(seed: int, gain: float) -> dict:
    networks = [
        network("found", "1/2", 0.7 + gain),
        network("uniform", "1/2", 0.7),
        network("found", "0.3", 0.6),
    ]
    compared = {"difference": gain, "error": 0.005}
    return {
        "seed": seed,
        "objectives": ["divergence", "flops"],
        "tasks": {"task": {"roles": {"target": ["de", "yo"]}}},
        "networks": {"full": {"summary": summary(0.8, 0.5)}},
        "measured": {"seconds": 1800.0},
        "finalists": {
            "steps": 100,
            "budgets": [0.5, 0.3],
            "networks": networks,
            "winner": 0,
            "fronts": {
                "found": {"hypervolume": 0.5},
                "uniform": {"hypervolume": 0.4},
            },
            "comparisons": {"1/2": {"uniform": {"task": compared}}},
        },
    }


@pytest.fixture
def recorded(tmp_path: pathlib.Path) -> pathlib.Path:
    document = {
        "command": "made so",
        "environment": ENVIRONMENT,
        "runs": [run(0, 0.02), run(1, 0.04)],
    }
    (tmp_path / "there.json").write_text(json.dumps(document))
    return tmp_path


def test_every_budget_is_a_row_and_every_kind_a_column(fronts, recorded) -> None:
    text = fronts.front_block("there", recorded)
    assert "| layers' FLOPs | full network | **found** | uniform scaling |" in text
    assert "| all | 80.0 ± 0.0 (50.0) |  |  |" in text
    assert "| 1/2 |  | 73.0 ± 1.4 (53.0) | 70.0 ± 0.0 (50.0) |" in text
    assert "| 0.3 |  | 60.0 ± 0.0 (40.0) | - |" in text
    assert "2 target languages" in text
    assert "seeds 0, 1" in text
    assert "30 minutes a seed" in text


def test_steps_are_told_as_they_were(fronts, recorded) -> None:
    assert "alone for 100 steps." in fronts.front_block("there", recorded)
    file = recorded / "there.json"
    document = json.loads(file.read_text())
    document["runs"][0]["finalists"] |= {"steps": 48, "most_steps": 118}
    file.write_text(json.dumps(document))
    assert "alone for 48 to 118 steps." in fronts.front_block("there", recorded)


def test_differences_are_of_what_was_found(fronts, recorded) -> None:
    text = fronts.detail_block("there", recorded)
    row = "| 1/2 | uniform scaling | +3.0 | +0.8 to +5.2 | 2 | 0.400 | 0.100 |"
    assert row in text
    assert "**found** 0.500, uniform scaling 0.400" in text


def test_what_was_not_measured_says_so_and_how_to(fronts, tmp_path) -> None:
    for block in (fronts.front_block, fronts.detail_block):
        text = block("absent", tmp_path)
        assert text.startswith("Not measured: `python -m benchmarks")
        assert "configs/absent.yaml" in text
