"""Which of several networks stands for a budget, now that they are trained."""

import numpy as np

from xlnas_jax.experiment.budgets import budgets_of
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.finalists.choose import measure_of, value_of
from xlnas_jax.results.finalists.contenders import SEARCHED, told
from xlnas_jax.results.finalists.train import Finalist
from xlnas_jax.results.finish import within

TRIED = "tried"


def settled(experiment: Experiment, finalists: list[Finalist]) -> list[Finalist]:
    """The same, of what was searched or drawn each budget held by the best within it.

    By auxiliary data after training; of equal ones the smaller. One that
    a limit on scores forbids holds none, if another is within it. Corners of
    the front stay what they are.
    """
    given = budgets_of(experiment)
    budgets = dict(zip(map(told, given.shares), given.limits(), strict=True))
    amounts = given.amounts(np.stack([one.contender.row for one in finalists]))
    by = measure_of(experiment, finalists)
    values = [value_of(experiment, one, by) for one in finalists]
    held: dict[int, list[str]] = {n: [] for n in range(len(finalists))}
    for kind in SEARCHED:
        own = [n for n, one in enumerate(finalists) if one.contender.kind == kind]
        allowed = [n for n in own if within(experiment, finalists[n].after)[0]] or own
        for place, limit in budgets.items():
            there = [n for n in allowed if amounts[n] <= limit]
            if there:
                best = min(there, key=lambda n: (values[n], amounts[n], n))
                held[best].append(place)
    found = []
    for n, one in enumerate(finalists):
        if one.contender.kind in SEARCHED:
            others = [place for place in one.contender.places if place not in budgets]
            places = (*held[n], *others) or (TRIED,)
            one = one._replace(contender=one.contender._replace(places=places))
        found.append(one)
    return found
