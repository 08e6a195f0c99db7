"""What one accelerator reached: parity, scoring, weight steps, memory, a search."""

from pathlib import Path
from typing import Any

from tables.markdown import (
    NOT_MEASURED,
    RESULTS,
    load,
    machine,
    median,
    share,
    table,
)

NAME = "gpu"
COMMAND = "make gpu-check"


def gpu_block(folder: Path = RESULTS) -> str:
    """The figures that a reader looks for first."""
    if not (folder / f"{NAME}.json").exists():
        return f"{NOT_MEASURED.capitalize()}: `{COMMAND}` measures it.\n\n"
    found = load(NAME, folder)
    rows = _scoring(found["parts"].get("scoring", {}).get("found", []))
    where = f"`{COMMAND}` on {machine(found['environment'])}."
    return "\n".join([*table(rows, text_columns=2), "", where, "", ""])


def _scoring(cases: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["case", "form", "candidates/s", "share of peak", "× PyTorch loop"]]
    for case in cases:
        for row in case["systems"]:
            rows.append(
                [
                    f"{case['case']}, {case['candidates']} candidates",
                    f"{row['form']}, {row['precision']}",
                    median(row["candidates_per_second"]),
                    share(row["share_of_peak_done"]),
                    median(row["times_the_loop"]) if "times_the_loop" in row else "",
                ]
            )
    return rows
