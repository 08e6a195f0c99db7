"""Candidates a second, ours and others'."""

from typing import Any

from tables.markdown import NOT_MEASURED, median, number, percent, table

PEERS = ("PyTorch loop", "DyNAS-T", "whittle")


def throughput(found: dict[str, Any]) -> list[str]:
    """A table for each case, every system a row."""
    lines = []
    for case in found["cases"]:
        lines += [*_case(case), ""]
    for name, reason in found.get("not_measured", {}).items():
        lines.append(f"- {name}: {NOT_MEASURED} ({reason})")
    return lines


def _case(case: dict[str, Any]) -> list[str]:
    best = case["best_form"]
    heading = (
        f"**{case['name']}**: {case['candidates']} candidates of "
        f"{number(case['gflops_per_candidate'])} GFLOPs, {case['sentences']} "
        f"sentences, {case['tokens']} tokens; {percent(case['shared_work'])} of the "
        f"work is shared."
    )
    rows = [
        [
            "system",
            "candidates/s",
            "candidate·tokens/s",
            "padding",
            "compilation, s",
            f"{best} is faster by",
            "asked",
            "reached",
        ]
    ]
    for name, system in case["systems"].items():
        bar = case["bars"].get(name, {})
        reached = {True: "yes", False: "**no**"}.get(bar.get("is_reached"), "")
        rows.append(
            [
                name,
                median(system["candidates_per_second"]),
                median(system["candidate_tokens_per_second"]),
                percent(system["padding_share"]),
                number(system["compile_seconds"]),
                median(case["ratios"][best][name]) if bar else "",
                f"≥ {number(bar['at_least'])}" if bar else "",
                reached,
            ]
        )
    return [heading, "", *table(rows)]


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
