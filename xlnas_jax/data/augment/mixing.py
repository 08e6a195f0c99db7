"""Which rows are made something of, and where that stands: exact numbers of rows."""

import dataclasses
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from xlnas_jax.data.augment.outcome import Outcome, Way
from xlnas_jax.data.examples import AnyExamples
from xlnas_jax.data.select import AnyKind, appended, take


class Entry(NamedTuple):
    """One way, and how many rows it is given.

    Attributes:
        replaces: what it makes stands in place of the row; else behind all rows.
    """

    name: str
    way: Way
    share: float
    replaces: bool


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """So many rows of each share, and of the rest beside them, by largest remainder.

    Example:
        >>> apportion(10, [0.5, 0.25]), apportion(3, [1 / 3, 1 / 3, 1 / 3])
        ([5, 3], [1, 1, 1])
    """
    quotas = [total * share for share in (*shares, max(0.0, 1.0 - sum(shares)))]
    # What a sum of decimal fractions is wrong by decides nothing.
    counts = [int(np.floor(quota + 1e-9)) for quota in quotas]
    rest = [
        round(quota - count, 9) for quota, count in zip(quotas, counts, strict=True)
    ]
    order = sorted(range(len(rest)), key=lambda n: (-rest[n], n))
    for place in order[: total - sum(counts)]:
        counts[place] += 1
    return counts[:-1]


def mix(
    rows: AnyKind, entries: Sequence[Entry], seed: int
) -> tuple[AnyKind, list[Counter[str]]]:
    """Rows with what is made of them, and of every entry what became of its rows.

    Which row an entry is given is drawn; for one that it makes nothing of it is given
    the next that no entry has, as long as there are some.
    """
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    numbers = apportion(len(rows), [entry.share for entry in entries])
    given: list[list[int]] = []
    for number in numbers:
        given.append(order[:number])
        order = order[number:]
    spare = deque(order)
    counted: list[Counter[str]] = []
    whole = rows
    chosen = np.arange(len(rows))
    for entry, places in zip(entries, given, strict=True):
        made, counts = _made(rows, entry, places, spare)
        counted.append(counts)
        if not made:
            continue
        at = np.asarray([place for place, _ in made], np.int64)
        new = _with(take(rows, at), [change for _, change in made])
        if not entry.replaces:
            names = _names(whole.ids, new.ids, entry.name)
            new = dataclasses.replace(new, ids=names)
        numbers_of = np.arange(len(whole), len(whole) + len(new))
        whole = appended(whole, new)
        if entry.replaces:
            chosen[at] = numbers_of
        else:
            chosen = np.concatenate([chosen, numbers_of])
    return take(whole, chosen), counted


def _made(
    rows: AnyExamples, entry: Entry, places: list[int], spare: deque[int]
) -> tuple[list[tuple[int, dict[str, Any]]], Counter[str]]:
    """Rows with what changes in them, in the order of the rows."""
    made: list[tuple[int, dict[str, Any]]] = []
    counts: Counter[str] = Counter()
    asked, tried = len(places), 0
    while places:
        tried += len(places)
        outcome: Outcome = entry.way(take(rows, np.asarray(places, np.int64)))
        counts += outcome.counts
        made += [
            (places[at], change)
            for at, change in zip(outcome.places, outcome.changes, strict=True)
        ]
        missing = min(asked - len(made), len(spare))
        places = [spare.popleft() for _ in range(missing)]
    what = "replaced" if entry.replaces else "added"
    first = {"rows asked for": asked, "rows tried": tried, f"rows {what}": len(made)}
    every = Counter(first)
    every.update(counts)
    return sorted(made, key=lambda one: one[0]), every


def _with(rows: AnyKind, changes: Sequence[dict[str, Any]]) -> AnyKind:
    """Each row with the fields that change in it."""
    names = dict.fromkeys(name for change in changes for name in change)
    fields = {
        name: tuple(
            change.get(name, old)
            for change, old in zip(changes, getattr(rows, name), strict=True)
        )
        for name in names
    }
    return dataclasses.replace(rows, **fields)


def _names(known: Sequence[str], ids: Sequence[str], kind: str) -> tuple[str, ...]:
    """Ids of rows that are added, which no other row has."""
    taken, found = set(known), []
    for name in ids:
        new = f"{name}+{kind}"
        while new in taken:
            new += "+"
        taken.add(new)
        found.append(new)
    return tuple(found)
