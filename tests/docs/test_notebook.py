"""The notebook runs from its first cell to its last, and is kept without outputs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

NOTEBOOK = REPOSITORY / "notebooks" / "quickstart.ipynb"
CALLS = ("api.search(", "api.export(", "api.load(", "api.evaluate(")
TIMEOUT_S = 600
# In a process of its own: what its libraries warn of is theirs.
EXECUTE = """
import sys, nbclient, nbformat
source, folder, out = sys.argv[1:]
book = nbformat.read(source, 4)
nbformat.validate(book)
resources = {"metadata": {"path": folder}}
nbclient.NotebookClient(book, timeout=TIMEOUT_S, resources=resources).execute()
nbformat.write(book, out)
""".replace("TIMEOUT_S", str(TIMEOUT_S))


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def said(cell: dict[str, Any]) -> str:
    """All that a cell printed or showed."""
    found = []
    for one in cell["outputs"]:
        assert one["output_type"] != "error"
        shown = one.get("text") or one["data"]["text/plain"]
        found.append("".join(shown))
    return "".join(found)


def test_it_has_the_four_calls_in_their_order_and_no_outputs() -> None:
    cells = code_cells(NOTEBOOK)
    assert all(cell["outputs"] == [] for cell in cells)
    assert all(cell["execution_count"] is None for cell in cells)
    text = "".join("".join(cell["source"]) for cell in cells)
    places = [text.index(call) for call in CALLS]
    assert places == sorted(places)


def test_it_runs_from_the_first_cell_to_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path.rstrip(os.pathsep))
    out = tmp_path / "done.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(NOTEBOOK), str(tmp_path), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    search, front, export, load, evaluate = map(said, code_cells(out))
    assert int(search) >= 1
    # A line a point, and then what the last expression is.
    assert len(front.splitlines()) >= int(search) and "'heads'" in front
    assert export == "'smallest'"
    assert [line.split()[0] for line in load.splitlines()] == [
        "Portugal",
        "catalán",
        "euro",
    ]
    languages = [line.split()[0] for line in evaluate.splitlines()]
    assert languages == ["en", "es", "ca"]
    assert (tmp_path / "models" / "smallest" / "config.json").is_file()
