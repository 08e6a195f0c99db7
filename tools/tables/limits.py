"""Shares of the machine's matmul peak."""

from typing import Any

from tables.markdown import median, percent, share, table

GIGA = 1e9


def roofline(found: dict[str, Any]) -> list[str]:
    """Scoring, training, parts and tasks, each a table over all cases."""
    parts = {
        "scoring": ("Scoring", _scoring),
        "training": ("Weight steps", _training),
        "parts": ("Parts by themselves, at full size", _parts),
        "tasks": ("Tasks, on the same tokens", _tasks),
    }
    lines = [f"{found['precision']}, {found['population']} candidates."]
    for part, (title, show) in parts.items():
        cases = [case for case in found["cases"] if part in case]
        if cases:
            rows = show(cases)
            lines += ["", f"{title}:", "", *table(rows, text_columns=2)]
    return lines


def _name(case: dict[str, Any]) -> str:
    return f"{case['shape']}, {case['tokens']}"


def _giga(found: dict[str, Any]) -> str:
    rates = found["flops_per_second"]
    scaled = {key: value / GIGA for key, value in rates.items()}
    return median(scaled)


def _scoring(cases: list[dict[str, Any]]) -> list[list[str]]:
    rows = [
        [
            "case",
            "form",
            "candidates/s",
            "peak, GFLOP/s",
            "share, work done",
            "share, work asked for",
        ]
    ]
    for case in cases:
        scoring = case["scoring"]
        for form, facts in scoring["forms"].items():
            rows.append(
                [
                    _name(case),
                    form,
                    median(facts["candidates_per_second"]),
                    _giga(scoring["peak"]),
                    share(facts["share_of_peak_done"]),
                    share(facts["share_of_peak"]),
                ]
            )
    return rows


def _training(cases: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["case", "step", "seconds", "share of peak", "over its FLOPs"]]
    for case in cases:
        for name, facts in case["training"]["steps"].items():
            over = facts.get("time_over_flops_in_full_steps")
            rows.append(
                [
                    _name(case),
                    name,
                    median(facts["seconds"]),
                    share(facts["share_of_peak"]),
                    median(over) if over else "",
                ]
            )
    return rows


def _parts(cases: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["case", "part", "seconds", "GFLOP/s", "share of peak"]]
    for case in cases:
        for name, facts in case["parts"]["parts"].items():
            has_flops = facts["flops"] > 0
            rows.append(
                [
                    _name(case),
                    name,
                    median(facts["seconds"]),
                    _giga(facts) if has_flops else "",
                    share(facts["share_of_peak"]) if has_flops else "",
                ]
            )
    return rows


def _tasks(cases: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["case", "task", "over classification"]]
    for case in cases:
        for kind, facts in case["tasks"].items():
            ratio = facts["over_classification"]
            more = {k: v - 1 if k != "repeats" else v for k, v in ratio.items()}
            spread = f"({percent(more['min'])} to {percent(more['max'])})"
            shown = f"{percent(more['median'])} {spread}"
            rows.append([_name(case), kind, "" if kind == "classification" else shown])
    return rows
