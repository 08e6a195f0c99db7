"""Pruning of the full network in one shot, as users ask of other tools.

Every unit has a score, and of all networks of the space the one that keeps most of it
within a budget is taken, by exact dynamic programming. The units are put in the order
of their scores first, so that a network keeps its best ones.

References:
    Han et al., "Learning both Weights and Connections for Efficient Neural Networks",
    2015 (magnitude). https://arxiv.org/abs/1506.02626
    Michel et al., "Are Sixteen Heads Really Better than One?", 2019 (Taylor).
    https://arxiv.org/abs/1905.10650
    Men et al., "ShortGPT", 2024 (influence). https://arxiv.org/abs/2403.03853
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.data.batches.plan import TrainingPlan
from xlnas_jax.experiment.budgets import budgets_of
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.learn import has_labels, make_plan
from xlnas_jax.search.ranking import rank_layers, rank_units
from xlnas_jax.search.teacher import Rows
from xlnas_jax.space.decode import make_decode
from xlnas_jax.space.stage import Stage
from xlnas_jax.supernet.params import LayerParams, SharedParams
from xlnas_jax.supernet.units import own
from xlnas_jax.training.reorder import Importance
from xlnas_jax.types import ArchitectureError

# What a choice that a pruner never makes is worth; no sum of scores comes near it.
_NEVER = -1e4


class Pruned(NamedTuple):
    """What a pruner leaves of the full network within a budget.

    Attributes:
        ranking: of units, in whose order they are kept; None: as they are.
    """

    budget: float
    row: Int[np.ndarray, " site"]
    ranking: Importance | None


@dataclasses.dataclass(frozen=True, eq=False)
class Pruners:
    """All pruners of one full network.

    Attributes:
        params: of that network.
        rows: labelled text, by which importance is measured; of text without labels
            alone, by the divergence of what is said of it.
    """

    experiment: Experiment
    params: SharedParams
    rows: Rows

    def prune(self, kind: str) -> list[Pruned]:
        """What `kind` leaves within every budget that it can meet."""
        ranking = None
        if kind == "influence":
            worth = self._of_layers()
        else:
            ranking = self._ranking(kind)
            worth = worth_of_units(self.experiment, ranking)
        found = []
        for budget in self.experiment.config.finalists.budgets:
            try:
                row = best_within(self.experiment, worth, budget)
            except ArchitectureError:
                continue
            found.append(Pruned(budget, row, ranking))
        return found

    def _ranking(self, kind: str) -> Importance:
        if kind == "magnitude":
            stages = self.experiment.space.stages
            found = magnitude(self.params.encoder.layers, stages)
            return {
                name: jax.device_put(lengths / max(float(lengths.sum()), 1e-30))
                for name, lengths in found.items()
            }
        by = "labels" if has_labels(self.rows) else "divergence"
        return rank_units(self.experiment, self.params, self.rows, self._plan(), by)

    def _plan(self) -> TrainingPlan:
        """Batches of text with labels; of any text where none has some."""
        is_labelled = has_labels(self.rows)
        return make_plan(self.experiment, self.rows, with_labels=is_labelled)

    def _of_layers(self) -> Float[np.ndarray, "site choice"]:
        """Whole layers are kept or dropped, by their influence."""
        space = self.experiment.space
        given = self.experiment, self.params, self.rows, self._plan()
        found = rank_layers(*given)
        worth = _nothing(self.experiment)
        for name in space.stage_knobs:
            columns = space.columns(name)
            worth[columns, : len(space.knob(name).choices) - 1] = _NEVER
        gate = space.columns(space.gate.name)
        share = np.asarray(found) / max(float(np.sum(found)), 1e-30)
        worth[gate, space.gate.choices.index(1)] = share
        return worth


def worth_of_units(
    experiment: Experiment, ranking: Mapping[str, Any]
) -> Float[np.ndarray, "site choice"]:
    """What every choice keeps of the scores of its units, the best ones first.

    A skipped layer keeps nothing: its choices, which would count, are taken off.
    """
    space = experiment.space
    worth = _nothing(experiment)
    gate = space.columns(space.gate.name)
    for name, scores in ranking.items():
        sums = np.cumsum(-np.sort(-np.asarray(scores, np.float64), axis=-1), axis=-1)
        sums = np.concatenate([np.zeros_like(sums[:, :1]), sums], axis=-1)
        choices = [int(value) for value in space.knob(name).choices]
        worth[space.columns(name), : len(choices)] = sums[:, choices]
        if 0 in space.gate.choices:
            worth[gate, space.gate.choices.index(0)] -= sums[:, choices[-1]]
    return worth


def best_within(
    experiment: Experiment, worth: Float[np.ndarray, "site choice"], budget: float
) -> Int[np.ndarray, " site"]:
    """The network of most worth within a share of what the full network costs.

    Raises:
        ArchitectureError: there is none.
    """
    space, costs = experiment.space, experiment.costs
    limits = budgets_of(experiment).within(budget, experiment.config.constraints)
    row = make_decode(costs, limits)(worth)
    if worth[np.arange(len(row)), row].sum() < _NEVER / 2:
        raise ArchitectureError(f"no network within {budget} is one of the pruner's")
    return space.canonical(row[None])[0]


def magnitude(
    layers: LayerParams, stages: tuple[Stage, ...]
) -> dict[str, Float[np.ndarray, "layer unit"]]:
    """Length of all weights of every unit, `layer unit`.

    On the host: on the device every shape would be a program of its own.
    """
    found = {}
    for stage in stages:
        axes = dict(stage.axes)
        for knob, unit in stage.units:
            total = None
            for name, tree in own(layers, stage).items():
                for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
                    inner = jax.tree_util.keystr(path, simple=True, separator=".")
                    names = ["layer", *axes[f"{name}.{inner}"].split()]
                    if unit in names:
                        rest = {n for n, a in enumerate(names) if a != unit} - {0}
                        part = np.square(np.asarray(leaf)).sum(tuple(rest))
                        total = part if total is None else total + part
            assert total is not None
            found[knob] = np.sqrt(total)
    return dict(sorted(found.items()))


def _nothing(experiment: Experiment) -> Float[np.ndarray, "site choice"]:
    space = experiment.space
    return np.zeros((len(space.num_choices), max(space.num_choices)))
