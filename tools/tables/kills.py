"""Whether searches that were killed ended as those that were not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tables.markdown import NOT_MEASURED, RESULTS, load, machine, table

PHASES = ("start", "warm-up", "search", "finish", "export", "end")


def kills_block(folder: Path = RESULTS) -> str:
    """One row a search, then how each was made."""
    if not (folder / "kills.json").exists():
        return f"{NOT_MEASURED.capitalize()}.\n\n"
    found = load("kills", folder)
    searches = found["searches"]
    rows = [["search", *PHASES, "tracebacks", "things compared", "the same"]]
    rows += [_row(name, one) for name, one in searches.items()]
    made = [
        f"- `{one['command']}`, on {machine(one['environment'])}."
        for one in searches.values()
    ]
    lines = [f"*{found['question']}*", "", *table(rows), "", *made]
    return "\n".join([*lines, "", ""])


def _row(name: str, one: Mapping[str, Any]) -> list[str]:
    counts = [str(one["by_phase"].get(phase, 0)) for phase in PHASES]
    is_same = "yes" if one["is_same"] else "**no**"
    return [name, *counts, str(one["tracebacks"]), str(one["compared"]), is_same]
