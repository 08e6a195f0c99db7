"""Which language plays which part, where a user does not say it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xlnas_jax.config.languages import DistanceConfig
from xlnas_jax.drafts.seen import Rows
from xlnas_jax.languages.codes import named, nearest, normalise
from xlnas_jax.languages.distance.composite import measure
from xlnas_jax.languages.distance.uriel import is_installed
from xlnas_jax.languages.ranking import cover
from xlnas_jax.types import ConfigError, DataError

# Auxiliary languages that are suggested at most: each is scored in every round.
MOST_AUXILIARY = 4
# One to learn from, one to choose by, one to transfer to.
LEAST = 3


class Roles(NamedTuple):
    """Canonical codes by role, and why, a line each."""

    source: str
    auxiliary: tuple[str, ...]
    target: tuple[str, ...]
    notes: tuple[str, ...]


def suggest(
    rows: Rows,
    source: str = "",
    targets: Sequence[str] = (),
    auxiliary: Sequence[str] = (),
) -> Roles:
    """Roles for the languages of a data file; those that are given stay.

    Raises:
        DataError: it has too few languages.
        ConfigError: one that is given is not in the data, or has two roles.
    """
    usable = [
        code
        for code, own in rows.items()
        if own.get("train") and own.get("dev") and own.get("test")
    ]
    usable.sort(key=lambda code: (-sum(rows[code].values()), code))
    left_out = [code for code in rows if code not in usable]
    if len(usable) < LEAST:
        some = "one language" if len(rows) == 1 else f"{len(usable)} languages"
        also = f" (and {', '.join(left_out)} without one of them)" if left_out else ""
        raise DataError(
            f"--data: at least {LEAST} languages must have rows in every split: one to "
            f"learn from, one to choose networks by, one to transfer to; got {some}: "
            f"{', '.join(usable) or 'none'}{also}. Add rows of others."
        )
    given = {
        "--source": _known([source] if source else [], "--source", usable),
        "--targets": _known(targets, "--targets", usable),
        "--aux": _known(auxiliary, "--aux", usable),
    }
    _require_apart(given)
    notes = [f"{named(c)} is left out: it lacks a split" for c in left_out]
    taken = [code for codes in given.values() for code in codes]
    free = [code for code in usable if code not in taken]
    chosen = given["--source"] or free[:1]
    if not given["--source"]:
        notes.append(f"source {named(chosen[0])}: it has the most labelled rows")
    free = [code for code in free if code not in chosen]
    aux, goals = given["--aux"], given["--targets"]
    if not goals:
        keep = max(1, min(MOST_AUXILIARY, len(free) // 2))
        if not aux:
            aux = free[:keep]
            notes.append(f"auxiliary {', '.join(aux)}: they have the most rows")
        goals = [code for code in free if code not in aux]
        notes.append(
            f"targets {', '.join(goals)}: those with the fewest rows; name yours by "
            f"--targets"
        )
    if not aux:
        aux, how = _near(free, goals)
        notes.append(f"auxiliary {', '.join(aux)}: {how}")
    if not (chosen and aux and goals):
        raise ConfigError(
            "--aux: a language must be left to choose networks by, and one to transfer "
            "to; every one has another role. Leave some out of --targets or --aux."
        )
    return Roles(chosen[0], tuple(aux), tuple(goals), tuple(notes))


def _near(free: Sequence[str], goals: Sequence[str]) -> tuple[list[str], str]:
    """Auxiliary languages among those that are left, and by what they were ranked."""
    if is_installed() and free:
        codes = (*free, *goals)
        made = measure(codes, DistanceConfig(), is_strict=False).combined()
        order = cover(made[: len(free), len(free) :], MOST_AUXILIARY)
        how = "together they are nearest to the targets, by recorded features"
        return [free[n] for n in order], how
    return list(free[:MOST_AUXILIARY]), "they have the most labelled rows"


def _known(codes: Iterable[str], option: str, usable: Sequence[str]) -> list[str]:
    found = []
    for code in codes:
        try:
            canonical = normalise(code)
        except ConfigError:
            canonical = ""
        if canonical not in usable:
            near = ", ".join(named(one) for one in nearest(code, usable))
            raise ConfigError(
                f"{option}: must name languages that the data have in every split; got "
                f"{code!r}. The nearest are {near}."
            )
        found.append(canonical)
    return list(dict.fromkeys(found))


def _require_apart(given: dict[str, list[str]]) -> None:
    seen: dict[str, str] = {}
    for option, codes in given.items():
        for code in codes:
            if code in seen:
                raise ConfigError(
                    f"{option}: every language must have one role; got {named(code)} "
                    f"in {seen[code]} too. Leave it out of one."
                )
            seen[code] = option
