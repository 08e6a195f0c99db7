"""By what to choose among trained networks, before any label of a target is read?

Of recorded searches: of all that a search found and trained alone within a budget, each
criterion picks one, by auxiliary data alone. What that scores on the targets is held
against the best of them.

    python -m benchmarks.evidence.chosen_by benchmarks/results/*_e5.json \
        --out benchmarks/results/chosen_by.json
"""

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import arguments
from benchmarks.reporting import report
from xlnas_jax.results.finalists.contenders import FOUND

# Of the head's work, which comes on top of a share of the layers'.
_SLACK = 1.001
ALONE = ("error", "loss", "divergence")
BOTH = "both"


def main() -> None:
    """Compares criteria on every budget of every recorded search."""
    parser = arguments(__doc__)
    parser.add_argument("recorded", type=Path, nargs="+", help="files of results")
    given = parser.parse_args()
    cases = [
        {"task": path.stem, **case}
        for path in given.recorded
        for run in json.loads(path.read_text(encoding="utf-8"))["runs"]
        for case in of_run(run)
    ]
    ways = (*ALONE, BOTH)
    lost = {way: float(np.mean([case["lost"][way] for case in cases])) for way in ways}
    report(given.out, __doc__, {"lost": lost, "cases": cases})


def of_run(run: dict[str, Any]) -> list[dict[str, Any]]:
    """One case for each budget: what is lost by each criterion, as a share of 1."""
    every = distinct(run["finalists"]["networks"])
    values = criteria(every)
    whole = run["networks"]["full"]["costs"]["flops"]
    places = {place for one in every for place in one["places"] if place[0].isdigit()}
    cases = []
    for place in sorted(places, key=Fraction, reverse=True):
        most = _SLACK * Fraction(place) * whole
        allowed = [
            n
            for n, one in enumerate(every)
            if FOUND in one["kinds"] and one["costs"]["flops"] <= most
        ]
        if len(allowed) < 2:
            continue
        means = np.asarray([every[n]["summary"]["target_mean"] for n in allowed])
        picked = {way: int(np.argmin(own[allowed])) for way, own in values.items()}
        cases.append(
            {
                "seed": run["seed"],
                "place": place,
                "networks": len(allowed),
                "best": float(means.max()),
                "lost": {
                    way: float(means.max() - means[n]) for way, n in picked.items()
                },
            }
        )
    return cases


def distinct(networks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every network once, with all kinds and places that it stands for."""
    found: dict[str, dict[str, Any]] = {}
    for one in networks:
        if one.get("summary") is None:
            continue
        own = found.setdefault(one["id"], {**one, "kinds": [], "places": []})
        own["kinds"].append(one["kind"])
        own["places"] += one["places"]
    return list(found.values())


def criteria(networks: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """What each criterion gives every network; less is better.

    Of both, error and divergence are each in units of its spread over all of them, as
    by `finalists.by`.
    """
    found = {
        name: np.asarray(
            [
                np.mean([own[name] for own in one["selection"].values() if name in own])
                for one in networks
            ]
        )
        for name in ALONE
    }
    parts = [found[name] / found[name].std() for name in ("error", "divergence")]
    return {**found, BOTH: np.sum(parts, axis=0)}


if __name__ == "__main__":
    main()
