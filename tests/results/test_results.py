"""What is printed after a search, on any terminal, whatever things are called."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.terminal.test_text import WIDTHS, assert_whole, shown
from xlnas_jax.cli.models.evaluate import make_grid
from xlnas_jax.results.tables import (
    make_comparison_table,
    make_front_table,
    make_language_table,
    print_results,
    summary_cells,
)

TARGETS = [f"x-a-long-private-code-{n}" for n in range(30)]
ROLES = {"source": "en", "aux_train": ["zh-Hant"], "aux_heldout": ["quy"]}


def network(name: str, share: float) -> dict[str, Any]:
    """A network that is right in this share of the rows."""
    columns = ["en", "zh-Hant", "quy", *TARGETS]
    found = {
        "source": share,
        "target_mean": share,
        "transfer_gap": -share,
        "worst_language": {"language": TARGETS[0], "score": share},
    }
    return {
        "id": name,
        "costs": {"params": 10**9, "encoder_params": 10**9, "flops": 123_456_789_000},
        "objectives": {"worst_error": 1 - share},
        "languages": {column: {"accuracy": share} for column in columns},
        "summary": {"tasks": {"[b]": found}, "target_mean": share},
    }


@pytest.fixture
def document() -> dict[str, Any]:
    task = {
        "kind": "classification",
        "primary": "accuracy",
        "roles": {**ROLES, "target": TARGETS},
        "trivial": {
            "name": "majority",
            "scores": dict.fromkeys(["en", "zh-Hant", "quy", *TARGETS], 0.123),
        },
        "rows": {
            "test": {"quy": {"rows": 1234, "kept": 1, "rejected": {"[/x]": 1233}}}
        },
    }
    comparison = {"difference": 0.1, "low": -0.25, "high": 1.0}
    return {
        "tasks": {"[b]": task},
        "objectives": ["worst_error"],
        "points": [network(f"{n:08x}ab", 0.5 + n / 1000) for n in range(40)],
        "baselines": {n: network(n, 0.987) for n in ("full", "random", "uniform")},
        "comparisons": {"full": {"[b]": comparison}},
        "evaluated": 1_000,
        "rejected_before_evaluation": 2_000,
        "failed": 0,
    }


@pytest.mark.parametrize("width", WIDTHS)
def test_every_number_is_whole_on_a_terminal_of_any_width(document, width):
    metrics = {"accuracy": 0.98765, "macro_f1_of_all": 0.5, "examples": 123_456}
    scores = {code: metrics for code in TARGETS}
    for table in (
        make_front_table(document),
        make_language_table(document, "[b]"),
        make_comparison_table(document),
        make_grid("r[/b]/model, data.tsv", scores),
    ):
        cells = [cell for row in table.rows for cell in row[1:]]
        assert_whole(shown(table, width), cells, width)


def test_paths_and_names_are_printed_as_they_are(document, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=60)  # as a caller may have made it
    print_results(console, document, tmp_path / "r[/b]", tmp_path / "r[red]x" / "m")
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert f"Exported model: {tmp_path}/r[red]x/m\n" in text
    assert f"({tmp_path}/r[/b]/front.json)" in text
    assert "[b]: Test accuracy (%); trivial: majority" in text
    assert "1233 of 1234 rows passed over (1233 [/x])" in text


def test_a_small_network_has_a_size(document):
    point = document["points"][0]
    point["costs"] |= {"encoder_params": 3_120, "flops": 90}
    assert summary_cells(document, point)[:2] == ["0.0031", "0.000090"]
    point["costs"] |= {"encoder_params": 793_088, "flops": 0}
    assert summary_cells(document, point)[:2] == ["0.79", "0.0"]


def test_the_best_and_the_smallest_network_are_told_by_name(document):
    names = [row[0] for row in make_front_table(document).rows]
    assert names[:3] == ["full network", "random search", "uniform scaling"]
    assert names[3] == "00000000ab (best, smallest)"
    document["points"][7]["costs"]["params"] = 1
    names = [row[0] for row in make_front_table(document).rows]
    assert names[3] == "00000000ab (best)"


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_score_that_is_no_number_is_shown_as_none(document, value):
    best = document["points"][0]
    task = best["summary"]["tasks"]["[b]"]
    best["languages"]["quy"]["accuracy"] = value
    task |= {"source": value, "target_mean": value, "transfer_gap": value}
    best["summary"]["target_mean"] = value
    document["comparisons"]["full"]["[b]"] = dict.fromkeys(
        ("difference", "low", "high"), value
    )
    assert summary_cells(document, best)[3:] == ["-", "-"]
    assert make_comparison_table(document).rows[0][1:] == ("-", "- to -")
    rows = {row[0]: row for row in make_language_table(document, "[b]").rows}
    assert rows["quy (auxiliary)"][-2] == "-"
    assert rows["target mean"][-2] == "-"
