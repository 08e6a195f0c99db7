"""What one accelerator reached: parity, scoring, weight steps, memory, a search."""

from pathlib import Path
from typing import Any

from tables.markdown import (
    NOT_MEASURED,
    RESULTS,
    load,
    machine,
    median,
    number,
    share,
    table,
)

NAME = "gpu"
COMMAND = "make gpu-check"
GIB = 2**30


def gpu(found: dict[str, Any]) -> list[str]:
    """Every part that was measured, each a table, and what was not."""
    parts = {
        "parity": ("Logits against PyTorch's on the CPU", _parity),
        "scoring": ("Scoring", _scoring),
        "training": ("Weight steps, without dropout", _training),
        "search": (
            "A search killed in a round, and one that was not",
            _search,
        ),
    }
    torch = found["torch"] or NOT_MEASURED
    lines = [f"Backend {found['backend']}; PyTorch: {torch}."]
    for name, (title, show) in parts.items():
        if name in found["parts"]:
            rows = show(found["parts"][name]["found"])
            lines += ["", f"{title}:", "", *table(rows, text_columns=2)]
    lines += ["", "Time, compilation and memory:", "", *table(_costs(found["parts"]))]
    for name, reason in found["not_measured"].items():
        lines += ["", f"Not measured: {name} ({reason})."]
    return lines


def gpu_block(folder: Path = RESULTS) -> str:
    """The figures that a reader looks for first."""
    if not (folder / f"{NAME}.json").exists():
        return f"{NOT_MEASURED.capitalize()}: `{COMMAND}` measures it.\n\n"
    found = load(NAME, folder)
    rows = _scoring(found["parts"].get("scoring", {}).get("found", []))
    where = f"`{COMMAND}` on {machine(found['environment'])}."
    return "\n".join([*table(rows, text_columns=2), "", where, "", ""])


def _parity(cases: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["case", "form", "largest difference", "largest logit"]]
    for case in cases:
        for form, value in case["differences"].items():
            rows.append([case["case"], form, number(value), number(case["largest"])])
    return rows


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


def _training(cases: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["case", "step", "seconds", "share of peak", "over PyTorch's"]]
    for case in cases:
        for row in case["steps"]:
            rows.append(
                [
                    case["case"],
                    f"{row['step']}, {row['precision']}",
                    median(row["seconds"]),
                    share(row["share_of_peak"]),
                    median(row["over_torch"]) if "over_torch" in row else "",
                ]
            )
    return rows


def _search(found: dict[str, Any]) -> list[list[str]]:
    rows = [["run", "front", "seconds", "programs"]]
    same = "the same bytes" if found["is_same"] else "**differs**"
    begun = f"killed, resumed from round {found['resumed_from_round']}"
    for name, front, seconds, compiled in zip(
        ("whole", begun), ("", same), found["seconds"], found["compile"], strict=True
    ):
        rows.append([name, front, number(seconds), number(compiled["programs"])])
    return rows


def _costs(parts: dict[str, Any]) -> list[list[str]]:
    rows = [["part", "seconds", "programs", "compiling, s", "GiB in use at most"]]
    for name, part in parts.items():
        held = part["memory"]
        rows.append(
            [
                name,
                number(part["seconds"]),
                number(part["compile"]["programs"]),
                number(part["compile"]["seconds"]),
                number(held["peak_bytes_in_use"] / GIB) if held else NOT_MEASURED,
            ]
        )
    return rows
