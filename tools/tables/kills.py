"""Whether searches that were killed ended as those that were not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tables.benchmarks import section
from tables.markdown import NOT_MEASURED, RESULTS, load, machine

PHASES = ("start", "warm-up", "search", "finish", "export", "end")


def kills_block(folder: Path = RESULTS) -> str:
    """One row a search, then how each was made."""
    if not (folder / "kills.json").exists():
        return f"{NOT_MEASURED.capitalize()}.\n"
    found = load("kills", folder)
    searches = found["searches"]
    rows = [["search", *PHASES, "tracebacks", "things compared", "the same"]]
    rows += [_row(name, one) for name, one in searches.items()]
    is_same = all(one["is_same"] for one in searches.values())
    num = sum(one["kills"] for one in searches.values())
    verdict = f"After {num} kills " + ("it does." if is_same else "**it does not.**")
    made = "; ".join(f"`{one['command']}`" for one in searches.values())
    where = machine(next(iter(searches.values()))["environment"])
    made = f"{made}: [all of it](results/kills.json); {where}."
    return section(f"*{found['question']}* {verdict}", rows, made)


def _row(name: str, one: Mapping[str, Any]) -> list[str]:
    counts = [str(one["by_phase"].get(phase, 0)) for phase in PHASES]
    is_same = "yes" if one["is_same"] else "**no**"
    return [name, *counts, str(one["tracebacks"]), str(one["compared"]), is_same]
