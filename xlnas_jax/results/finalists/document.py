"""What `front.json` says of finalists: before and after training, and who won."""

from typing import Any

import numpy as np

from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.document import (
    Document,
    compare,
    make_point,
    number,
    summarise,
)
from xlnas_jax.results.finalists.choose import By, measure_of, value_of
from xlnas_jax.results.finalists.contenders import FOUND
from xlnas_jax.results.finalists.train import Finalist
from xlnas_jax.results.finish import Scored
from xlnas_jax.results.scoring import Scores


def add_finalists(
    experiment: Experiment,
    document: Document,
    finalists: list[Finalist],
    tested: list[dict[str, Scores]],
    winner: int,
) -> None:
    """Adds `finalists` to the contents of `front.json`.

    Args:
        tested: official test scores of each after training.
        winner: position of the one that was picked, before any was tested.
    """
    settings = experiment.config.finalists
    networks = [
        _network(experiment, document, one, scores)
        for one, scores in zip(finalists, tested, strict=True)
    ]
    rows = np.stack([one.contender.row for one in finalists])
    shares = experiment.costs.shares_of_flops(rows)
    steps = [settings.steps_of(float(share)) for share in shares]
    by = measure_of(experiment, finalists)
    document["finalists"] = {
        "steps": min(steps),
        "most_steps": max(steps),
        "by": settings.by,
        "budgets": list(settings.budgets),
        "budget_cost": settings.budget_cost,
        "networks": networks,
        "winner": winner,
        "fronts": {
            kind: _front(
                experiment, [f for f in finalists if f.contender.kind == kind], by
            )
            for kind in dict.fromkeys(one.contender.kind for one in finalists)
        },
        "comparisons": _comparisons(experiment, document, networks, tested),
    }


def steps_of(finalists: dict[str, Any]) -> str:
    """How many each of `finalists` took, the more the smaller it is."""
    least = finalists["steps"]
    # Runs from before they could differ say one number.
    most = finalists.get("most_steps", least)
    return str(least) if most == least else f"{least} to {most}"


def _network(
    experiment: Experiment,
    document: Document,
    finalist: Finalist,
    scores: dict[str, Scores],
) -> dict[str, Any]:
    """One finalist: a point as it is after training, and what it was before."""
    point = make_point(experiment, finalist.after, 0, scores)
    point["summary"] = summarise(experiment, document, point, scores)
    before = make_point(experiment, finalist.before, 0, {})
    contender = finalist.contender
    return {
        "kind": contender.kind,
        "places": list(contender.places),
        "name": contender.name(experiment),
        **point,
        "before": {key: before[key] for key in ("objectives", "selection")},
    }


def _front(experiment: Experiment, finalists: list[Finalist], by: By) -> dict[str, Any]:
    """Hypervolume of one kind's finalists, on auxiliary data."""
    before, after = (
        Scored.join([getattr(one, when) for one in finalists]).objectives
        for when in ("before", "after")
    )
    box = experiment.box
    return {
        "hypervolume_before": number(box.volume(np.asarray(before, np.float64))),
        "hypervolume": number(box.volume(np.asarray(after, np.float64))),
        "best": number(min(value_of(experiment, one, by) for one in finalists)),
    }


def at_place(
    networks: list[dict[str, Any]], kind: str, place: str
) -> dict[str, Any] | None:
    """The finalist of a kind that stands for a budget; None where there is none."""
    found = (n for n in networks if n["kind"] == kind and place in n["places"])
    return next(found, None)


def _comparisons(
    experiment: Experiment,
    document: Document,
    networks: list[dict[str, Any]],
    tested: list[dict[str, Scores]],
) -> dict[str, Any]:
    """At every budget, what was found less each control, resampled by test item."""
    found: dict[str, Any] = {}
    places = [p for n in networks for p in n["places"] if p[0].isdigit()]
    kinds = dict.fromkeys(n["kind"] for n in networks if n["kind"] != FOUND)
    for place in dict.fromkeys(places):
        ours = at_place(networks, FOUND, place)
        for kind in kinds:
            theirs = at_place(networks, kind, place)
            if ours is None or theirs is None:
                continue
            pair = tested[networks.index(ours)], tested[networks.index(theirs)]
            found.setdefault(place, {})[kind] = compare(experiment, document, *pair)
    return found


def winner_of(document: Document) -> dict[str, Any] | None:
    """The finalist that was picked; None of a search without finalists."""
    found = document.get("finalists")
    return None if found is None else found["networks"][found["winner"]]


def found_networks(document: Document) -> list[dict[str, Any]]:
    """Finalists of the front, after training; none of a search without."""
    found = document.get("finalists")
    if found is None:
        return []
    return [one for one in found["networks"] if one["kind"] == FOUND]
