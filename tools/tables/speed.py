"""Candidates a second, ours and others'."""

from typing import Any

from tables.markdown import NOT_MEASURED, number, table

PEERS = ("PyTorch loop", "DyNAS-T", "whittle")


def compared(found: dict[str, Any]) -> list[str]:
    """One row a case: our best form, every peer, and how often ours is as fast."""
    rows = [["candidates a second", "ours", *PEERS]]
    for case in found["cases"]:
        best, systems = case["best_form"], case["systems"]
        row = [case["name"], f"**{_rate(systems[best])}** ({best.split(', ')[-1]})"]
        for peer in PEERS:
            if peer in systems:
                ratio = case["ratios"][best][peer]["median"]
                row.append(f"{_rate(systems[peer])} (×{ratio:.1f})")
            else:
                row.append(NOT_MEASURED)
        rows.append(row)
    note = "In brackets: how many times as fast ours is, median of paired runs."
    return [*table(rows), "", note]


def _rate(system: dict[str, Any]) -> str:
    return number(system["candidates_per_second"]["median"])
