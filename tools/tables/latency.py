"""How well latency is predicted."""

from typing import Any

from tables.markdown import number, percent, table


def latency(found: dict[str, Any]) -> list[str]:
    """Every input size: what was measured, and how its predictions did."""
    rows = [
        [
            "inputs x tokens",
            "networks measured",
            "smallest, ms",
            "full, ms",
            "error",
            "tau-b",
            "margin",
            "noise",
            "held",
            "seconds",
        ]
    ]
    for case in found["cases"]:
        held_out = sum(one["is_held_out"] for one in case["networks"])
        rows.append(
            [
                case["tokens"],
                f"{len(case['networks'])}, {held_out} of them held out",
                number(case["smallest_ms"]),
                number(case["full_ms"]),
                percent(case["mape"]),
                number(case["tau"]),
                percent(case["margin"]),
                percent(case["noise"]),
                percent(case["held"]),
                number(case["seconds"]),
            ]
        )
    return [f"{found['shape']}, random weights.", "", *table(rows)]
