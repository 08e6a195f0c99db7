"""Bars beside what was found, and the command that finds it again."""

import shlex
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, write

Bar = dict[str, str | float | bool]


def at_most(what: str, most: float, value: float) -> Bar:
    """A limit from above."""
    reached = bool(value <= most)
    return {"what": what, "at_most": most, "value": value, "is_reached": reached}


def below(what: str, bound: float, value: float) -> Bar:
    """A limit from above that is not reached by being equal."""
    return at_most(what, bound, value) | {"is_reached": bool(value < bound)}


def at_least(what: str, least: float, value: float) -> Bar:
    """A limit from below."""
    reached = bool(value >= least)
    return {"what": what, "at_least": least, "value": value, "is_reached": reached}


def report(out: Path | None, doc: str | None, result: dict[str, Any]) -> None:
    """Writes a result under the question that a file's first line asks."""
    question = (doc or "").splitlines()[0]
    write(out, question, command(sys.argv), result)


def command(given: list[str]) -> str:
    """What was typed, without where the result went."""
    script, *rest = given
    module = Path(script).resolve().with_suffix("").relative_to(ROOT)
    if "--out" in rest:
        place = rest.index("--out")
        rest = rest[:place] + rest[place + 2 :]
    return shlex.join(["python", "-m", ".".join(module.parts), *rest])
