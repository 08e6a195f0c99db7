"""What the rounds of runs logged, as curves."""

from collections.abc import Iterable

from xlnas_jax.report.found import Found
from xlnas_jax.report.networks import Row

LOSS, VOLUME = "loss", "hypervolume"
# Of every round: how many candidates came to what. Logged as sums over all rounds, or
# of each round alone.
SUMMED = {"scored": "evaluated", "rejected unscored": "rejected_before_evaluation"}
OF_ROUND = {"without a finite score": "failed", "ruled out once scored": "ruled_out"}
_COUNTED = ("round", *SUMMED.values(), *OF_ROUND.values())


def curve_rows(run: Found, runs: str) -> list[Row]:
    """Every number that was logged but counts, one row a round and name.

    Args:
        runs: what the group of the run is called.
    """
    return [
        {
            "run": run.label,
            "runs": runs,
            "round": line["round"],
            "series": name,
            "value": value,
        }
        for line in run.rounds
        for name, value in line.items()
        if name not in _COUNTED and _is_number(value)
    ]


def candidate_rows(run: Found) -> list[Row]:
    """How many candidates a round scored, and how many it did not; no warm-up."""
    rows = []
    before = dict.fromkeys(SUMMED.values(), 0)
    for line in run.rounds:
        if "evaluated" not in line:
            continue
        counts = {name: line[key] - before[key] for name, key in SUMMED.items()}
        counts |= {name: line.get(key) or 0 for name, key in OF_ROUND.items()}
        before = {key: line[key] for key in before}
        rows += [
            {
                "run": run.label,
                "round": line["round"],
                "what": what,
                "order": order,
                "count": count,
            }
            for order, (what, count) in enumerate(counts.items())
        ]
    return rows


def series_of(rows: Iterable[Row]) -> list[str]:
    """Names of what was logged, in the order in which it first was."""
    return list(dict.fromkeys(row["series"] for row in rows))


def first_search_round(run: Found) -> int | None:
    """The round after the warm-up; None where there was none yet."""
    found = (line["round"] for line in run.rounds if "evaluated" in line)
    return next(found, None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
