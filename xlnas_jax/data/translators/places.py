"""Files that belong to a pair of languages."""

import glob
import re
from pathlib import Path
from typing import NamedTuple

from xlnas_jax.config.augment.patterns import SIDES
from xlnas_jax.languages.codes import named, normalise
from xlnas_jax.types import ConfigError, DataError

_SHOWN = 8


class Place(NamedTuple):
    """A file, and whether it is of the other direction."""

    path: str
    is_turned: bool


def find_place(
    pattern: str, source: str, target: str, *, turns: bool, where: str
) -> Place:
    """The one file of a pair of languages, whatever their codes are spelled like.

    Args:
        turns: one of the other direction serves as well, if there is none of this.
        where: the option that names the pattern.

    Raises:
        DataError: there is none; those that there are are named.
    """
    found = _files(pattern)
    for pair, is_turned in (((source, target), False), ((target, source), True)):
        if pair in found and (turns or not is_turned):
            return Place(found[pair], is_turned)
    there = sorted("-".join(pair) for pair in found)
    more = ", ..." if len(there) > _SHOWN else ""
    raise DataError(
        f"{where}: there must be a file of {named(source)} and {named(target)} at "
        f"{pattern}; got {', '.join(there[:_SHOWN]) or 'none of any language'}{more}. "
        f"Put one there, or leave the language out."
    )


def _files(pattern: str) -> dict[tuple[str, str], str]:
    """By pair of codes; of two files of one pair the one that sorts first."""
    expanded = Path(pattern).expanduser().as_posix()
    wildcard, expression = glob.escape(expanded), re.escape(expanded)
    for side in SIDES:
        wildcard = wildcard.replace(side, "*")
        expression = expression.replace(re.escape(side), f"(?P<{side[1:-1]}>[^/]+?)")
    found: dict[tuple[str, str], str] = {}
    for path in sorted(Path(one).as_posix() for one in glob.glob(wildcard)):
        match = re.fullmatch(expression, path)
        if match is None:
            continue
        try:
            pair = normalise(match["source"]), normalise(match["target"])
        except ConfigError:
            continue
        found.setdefault(pair, path)
    return found
