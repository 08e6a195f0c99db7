"""How many seeds leave a local optimum, with escape and without."""

from typing import Any

from tables.markdown import median, number, percent, table

PLOT = "results/escape.png"


def escape(found: dict[str, Any]) -> list[str]:
    """One row for each strategy and arm, and the curve."""
    lines = [
        f"{found['seeds']} seeds of {found['rounds']} rounds of {found['population']} "
        f"candidates; {found['space']:,} networks. The lowest error is "
        f"{number(found['optimum'])}, before the valley "
        f"{number(found['cheap_optimum'])}; a run has arrived within "
        f"{number(found['near'])} of the former.",
        "",
    ]
    rows = [
        [
            "strategy",
            "escape",
            "arrived",
            "rounds until",
            "lowest error",
            "share of the true hypervolume",
            "McNemar p",
        ]
    ]
    for name, one in found["strategies"].items():
        for arm, facts in one["arms"].items():
            until = facts["median_rounds_until"]
            volume = facts["volume"]
            spread = f"({percent(volume['min'])}–{percent(volume['max'])})"
            rows.append(
                [
                    name,
                    arm,
                    f"{facts['arrived']} of {found['seeds']}",
                    "never" if until is None else number(until),
                    median(facts["error"]),
                    f"{percent(volume['median'])} {spread}",
                    number(one["p"]) if arm == "with" else "",
                ]
            )
    return [*lines, *table(rows, text_columns=2), "", f"![lowest error]({PLOT})"]
