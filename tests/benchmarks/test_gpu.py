"""`make gpu-check` at toy size, on the CPU."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = (sys.executable, "-m", "benchmarks.speed.gpu")


PARTS = ("parity", "scoring", "training", "search")


def measured(folder: pathlib.Path, parts: tuple[str, ...]):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    out = folder / "gpu.json"
    command = [*SCRIPT, "--quick", "--parts", *parts, "--out", out]
    subprocess.run(command, check=True)
    return json.loads(out.read_text(encoding="utf-8")), out


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("gpu"), PARTS[:1])


@pytest.fixture(scope="module")
def checked_whole(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("gpu"), PARTS)


@pytest.mark.slow
def test_every_part_is_measured_and_every_bar_reached(checked_whole):
    document, _ = checked_whole
    assert document["not_measured"] == {}
    assert tuple(document["parts"]) == PARTS
    expected = (
        "python -m benchmarks.speed.gpu --quick --parts parity scoring training search"
    )
    assert document["command"] == expected
    assert all(bar["is_reached"] for bar in document["bars"])
    assert {bar["what"].split(",")[0] for bar in document["bars"]} == {
        "parity",
        "a killed search ends the same",
    }


@pytest.mark.slow
def test_logits_of_every_form_are_those_of_pytorch(checked):
    document, _ = checked
    bars = document["bars"]
    assert len(bars) == 2
    assert all(bar["is_reached"] and bar["value"] < 1e-5 for bar in bars)
    (case,) = document["parts"]["parity"]["found"]
    for form in ("sliced", "masked"):
        assert 1e-5 < case["differences"][f"{form}, bf16"] < 0.1


@pytest.mark.slow
def test_both_libraries_start_a_weight_step_at_the_same_loss(checked_whole):
    document, _ = checked_whole
    (case,) = document["parts"]["training"]["found"]
    losses = case["first_losses"]
    assert losses["full, fp32"] == pytest.approx(losses["PyTorch, fp32"], abs=1e-5)
    assert losses["full, bf16"] == pytest.approx(losses["PyTorch, bf16"], abs=2e-2)


@pytest.mark.slow
def test_forms_are_held_against_the_loop_and_the_peak(checked_whole):
    document, _ = checked_whole
    (case,) = document["parts"]["scoring"]["found"]
    rows = {(row["form"], row["precision"]): row for row in case["systems"]}
    assert len(rows) == 6
    for (form, _), row in rows.items():
        assert row["candidates_per_second"]["median"] > 0
        assert ("times_the_loop" in row) == (form != "PyTorch loop")


@pytest.mark.slow
def test_a_search_killed_in_a_round_goes_on_from_the_one_before(checked_whole):
    document, _ = checked_whole
    found = document["parts"]["search"]["found"]
    assert found["is_same"]
    assert found["resumed_from_round"] in (2, 3)  # the last was perhaps not yet saved
    assert found["compile"][0]["programs_by_phase"]["finish"] <= 20


@pytest.mark.slow
def test_what_was_measured_is_shown(checked_whole, monkeypatch):
    _, out = checked_whole
    monkeypatch.syspath_prepend(ROOT / "tools")
    from tables.benchmarks import benchmark_block
    from tables.gpu import gpu_block

    text = benchmark_block("gpu", out.parent)
    assert "| bar | asked | found | reached |" in text
    short = gpu_block(out.parent)
    assert "masked, bf16" in short
    assert gpu_block(out.parent / "nowhere").startswith(
        "Not measured: `make gpu-check`"
    )


@pytest.mark.slow
def test_what_begins_too_late_is_said_to_be_left_out(tmp_path):
    out = tmp_path / "gpu.json"
    command = [*SCRIPT, "--quick", "--seconds", "0", "--out", out]
    subprocess.run(command, check=True)
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["parts"] == {}
    assert set(document["not_measured"].values()) == {"0 seconds were over"}


def test_nothing_but_the_environment_is_imported_for_data_sets():
    """The hub's library need not be there: neither here nor in the search."""
    code = (
        "import sys; sys.modules['datasets'] = None; sys.argv = ['gpu.py', '--help']; "
        "import runpy; "
        "runpy.run_module('benchmarks.speed.gpu', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    assert "--seconds" in done.stdout
