"""Which finalist wins: the smallest that is within one standard error of the best.

References:
    Breiman et al., "Classification and Regression Trees", 1984: the rule of one
    standard error.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.objectives.objectives import columns_of
from xlnas_jax.results.finalists.contenders import FOUND
from xlnas_jax.results.finalists.train import Finalist
from xlnas_jax.results.finish import within
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.divergence import DIVERGENCE
from xlnas_jax.tasks.summary import paired_bootstrap
from xlnas_jax.types import ArchitectureError

# Of metrics, what each counts.
By = Mapping[str, float]
BOTH = "both"
# By language, the ids of examples in order.
Ids = Mapping[str, Sequence[str]]


def choose(
    experiment: Experiment, ids: Sequence[Ids], finalists: list[Finalist]
) -> int:
    """Position of the winner, among those that the search found.

    Differences from the best are paired over examples and languages; no target is
    looked at. Standard errors are those over auxiliary examples, a little more than
    they are where text of other languages counts too.

    Args:
        ids: of each task, those of the auxiliary examples.

    Raises:
        ArchitectureError: training has brought all of them over
            a limit on scores.
    """
    by = measure_of(experiment, finalists)
    found = [
        n
        for n, one in enumerate(finalists)
        if one.contender.kind == FOUND and within(experiment, one.after)[0]
    ]
    if not found:
        raise ArchitectureError(
            "finalists: one that the search found must be within the limits on scores "
            "(constraints.divergence, .drop) after training, and finite; none is. "
            "Raise the limit, or train them longer or more gently (finalists.steps, "
            ".learning_rate)."
        )
    values = {n: value_of(experiment, finalists[n], by) for n in found}
    best = min(found, key=lambda n: (values[n], n))
    close = [
        n
        for n in found
        if values[n] - values[best]
        <= standard_error(experiment, ids, finalists[n], finalists[best], by)
    ]
    rows = np.stack([finalists[n].contender.row for n in close])
    return close[int(experiment.costs.counted(rows)["flops"].argmin())]


def measure_of(experiment: Experiment, finalists: Sequence[Finalist]) -> By:
    """What finalists are compared by.

    Of both metrics each counts by how far finalists, controls too, are apart in it:
    two estimates of the same, with errors of their own, err less together. One in which
    all are the same counts nothing.
    """
    by = experiment.config.finalists.by
    if by != BOTH:
        return {by: 1.0}
    spreads = {
        name: np.std([value_of(experiment, one, {name: 1.0}) for one in finalists])
        for name in ("error", DIVERGENCE)
    }
    return {name: float(1 / one) if one > 0 else 0.0 for name, one in spreads.items()}


def value_of(experiment: Experiment, finalist: Finalist, by: By) -> float:
    """Mean over tasks of the mean over auxiliary languages.

    Of divergence over those of text alone too, as in the objective: no label is needed.
    """
    parts = zip(experiment.parts, finalist.trained.metrics, strict=True)
    means = [
        sum(
            weight * metrics[name][: columns_of(name, part.roles)].mean()
            for name, weight in by.items()
        )
        for part, metrics in parts
    ]
    return float(np.mean(means))


def standard_error(
    experiment: Experiment,
    ids: Sequence[Ids],
    one: Finalist,
    other: Finalist,
    by: By,
) -> float:
    """Of the difference of two finalists, over auxiliary examples drawn anew."""
    if one.contender.row.tolist() == other.contender.row.tolist():
        return 0.0
    variances = []
    for number, (part, own) in enumerate(zip(experiment.parts, ids, strict=True)):

        def metric(sums: Any, task: Task = part.task) -> Float[np.ndarray, "*lead"]:
            found = task.metrics(sums)
            return np.asarray(sum(by[name] * found[name] for name in by))

        found = paired_bootstrap(
            own,
            one.trained.statistics[number],
            other.trained.statistics[number],
            metric,
        )
        variances.append(found.error**2)
    return float(np.sqrt(np.sum(variances)) / len(variances))
