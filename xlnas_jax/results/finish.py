"""After the last round: the front and its baselines, chosen without any target.

Candidates met in earlier rounds were scored with younger weights, so all are
scored again with the final ones before the front is taken. The baselines are
chosen by the same rule, on the same data, within the same limits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from xlnas_jax.evaluation.population import chunks, make_scoring_supernet
from xlnas_jax.evaluation.predictions import make_predictor
from xlnas_jax.experiment.arrays import Change, scoring_data
from xlnas_jax.experiment.draws import distinct, draw_feasible
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.objectives.pareto import Archive, nondominated
from xlnas_jax.results.scoring import Scores, score_predictions, trivial_scores
from xlnas_jax.search.judge import over_limits
from xlnas_jax.search.search import Engine
from xlnas_jax.search.structures import widest
from xlnas_jax.space.uniform import uniform_rows
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import ArchitectureError

Rows = Int[np.ndarray, "pop site"]


@dataclass(frozen=True, eq=False)
class Scored:
    """Candidates with what was measured of them.

    Attributes:
        indices: canonical choice indices.
        objectives: in the order of the experiment's objectives; lower is better.
        metrics: of each task, by name, each `pop lang`, on its auxiliary languages,
            and after them the source where an objective needs it; `alignment` is of
            auxiliary languages alone.
    """

    indices: Rows
    objectives: Float[np.ndarray, "pop obj"]
    metrics: tuple[dict[str, Float[np.ndarray, "pop _"]], ...]

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, rows: Int[np.ndarray, " n"]) -> "Scored":
        """The candidates at these positions, in that order."""
        metrics = jax.tree.map(lambda values: values[rows], self.metrics)
        return Scored(self.indices[rows], self.objectives[rows], metrics)

    @staticmethod
    def join(parts: Sequence["Scored"]) -> "Scored":
        """Several sets of candidates, one after another."""
        metrics = [part.metrics for part in parts]
        return Scored(
            np.concatenate([part.indices for part in parts]),
            np.concatenate([part.objectives for part in parts]),
            jax.tree.map(lambda *found: np.concatenate(found), *metrics),
        )

    def best(self) -> "Scored":
        """The one with the lowest first objective; ties go to the next ones."""
        order = np.lexsort(self.objectives.T[::-1])
        return self.take(order[:1])


class Rescore:
    """Scores candidates with the same weights on the auxiliary languages, each once.

    The archive, controls and finalists have networks in common.

    Args:
        as_is: not trained first, even if the search trains what it scores.
    """

    def __init__(
        self,
        experiment: Experiment,
        engine: Engine,
        params: SharedParams,
        as_is: bool = False,
    ) -> None:
        self.experiment, self.params = experiment, params
        self._measure = engine.measure
        self._run = engine.score_as_is if as_is else engine.score
        self._known: dict[bytes, int] = {}
        self._scored: Scored | None = None

    def __call__(self, rows: Rows) -> Scored:
        """Any number of candidates, in their order."""
        rows = self.experiment.space.canonical(rows)
        keys = [np.ascontiguousarray(row).tobytes() for row in rows]
        places = {key: n for n, key in enumerate(keys) if key not in self._known}
        if places or self._scored is None:
            added = self._score(rows[sorted(places.values())])
            for n in sorted(places.values()):
                self._known[keys[n]] = len(self._known)
            known = [] if self._scored is None else [self._scored]
            self._scored = Scored.join([*known, added])
        return self._scored.take(np.asarray([self._known[k] for k in keys], np.int64))

    def _score(self, rows: Rows) -> Scored:
        found = []
        for table, count in chunks(rows, self.experiment.config.search.population):
            evaluation = self._run(self.params, table, count)
            found.append(self._measure(evaluation, self.experiment.costs(table)))
        # The last chunk alone is filled up.
        objectives, metrics = jax.tree.map(
            lambda *parts: np.concatenate(parts)[: len(rows)], *found
        )
        return Scored(rows, objectives, metrics)


def within(experiment: Experiment, scored: Scored) -> Bool[np.ndarray, " pop"]:
    """Which candidates are finite and within the limits on scores, if some are set.

    The other limits were checked before anything was scored.
    """
    return np.isfinite(scored.objectives).all(-1) & (_excess(experiment, scored) <= 0)


def told_limits(experiment: Experiment) -> str:
    """The limits on scores as the configuration has them."""
    return ", ".join(
        f"constraints.{n}" for n in experiment.config.constraints.of_scores
    )


def _excess(experiment: Experiment, scored: Scored) -> Float[np.ndarray, " pop"]:
    """By which share they are over a limit on scores."""
    found = over_limits(experiment, jax.tree.map(jnp.asarray, scored.metrics))
    return np.zeros(len(scored.indices)) if found is None else np.asarray(found)


def final_front(
    experiment: Experiment,
    score: Rescore,
    archive: Archive,
    confirm: Callable[[Rows], Bool[np.ndarray, " pop"]] | None = None,
) -> Scored:
    """The non-dominated candidates of the archive under the final weights.

    The smallest network is always a candidate, so that a front exists even where
    no draw was feasible.

    Args:
        confirm: where given, whether finalists really are within the limits; those
            that are not make room for what they dominated.

    Raises:
        ArchitectureError: none is.
    """
    is_met = np.asarray(archive.is_valid)
    if not experiment.config.search.weight_steps and confirm is None:
        # The weights are still those that the archive was scored with, and nothing
        # will make room for what is dominated.
        is_met = np.asarray(_nondominated(archive.objectives, archive.is_valid))
    met = np.asarray(archive.indices)[is_met]
    smallest = distinct(experiment, experiment.costs.smallest_rows())[:1]
    rows = distinct(experiment, np.concatenate([met, smallest]))
    scored = score(rows)
    order = np.lexsort(scored.objectives.T[::-1])
    if not np.isfinite(scored.objectives).all(-1).any():
        raise ArchitectureError(
            f"search: some network must have finite scores with the final weights; of "
            f"{len(rows)}, all that the search remembers and the smallest, none has. "
            f"The weights have diverged: search again in another run directory, with "
            f"a lower train.learning_rate than "
            f"{experiment.config.train.learning_rate}."
        )
    is_left = within(experiment, scored)
    if not is_left.any():
        least = np.nanmin(_excess(experiment, scored))
        raise ArchitectureError(
            f"{told_limits(experiment)}: some network must be within it with the "
            f"final weights; of {len(rows)}, all that the search remembers and the "
            f"smallest, none is: the nearest is {least:.1%} over it. Raise the limit, "
            f"or search again with more rounds."
        )
    while True:
        best = order[_on_front(experiment, scored.objectives, is_left)[order]]
        front = scored.take(best)
        if confirm is None:
            return front
        is_confirmed = confirm(front.indices)
        if is_confirmed.all():
            return front
        is_left[best[~is_confirmed]] = False
        if not is_left.any():
            raise ArchitectureError(
                "constraints.latency_ms: of all networks of the archive none was "
                "measured to be within the limit, though all were predicted to be. "
                "Raise the limit, or search again on a quieter machine."
            )


_nondominated = jax.jit(nondominated)


def remembered(experiment: Experiment, score: Rescore, archive: Archive) -> Scored:
    """All networks of the archive that are within the limits, dominated ones too."""
    scored = score(np.asarray(archive.indices)[np.asarray(archive.is_valid)])
    return scored.take(np.flatnonzero(within(experiment, scored)))


def _on_front(
    experiment: Experiment,
    objectives: Float[np.ndarray, "pop obj"],
    is_left: Bool[np.ndarray, " pop"],
) -> Bool[np.ndarray, " pop"]:
    """Which of the archive and the smallest network are on the front of what is left.

    Filled up to one shape, whatever the archive holds.
    """
    num = len(objectives)
    fill = experiment.config.search.archive_size + 1 - num
    padded = np.pad(objectives, ((0, fill), (0, 0)))
    return np.asarray(_nondominated(padded, np.pad(is_left, (0, fill))))[:num]


def full_network(experiment: Experiment, score: Rescore) -> Scored:
    """The whole supernet, with the pooling that transfers best; limits ignored."""
    return score(_poolings(experiment, experiment.space.largest_row)).best()


def random_control(
    experiment: Experiment, engine: Engine, score: Rescore, count: int
) -> Scored | None:
    """The best of as many random feasible candidates as the search evaluated.

    None if none of them is within the limits on scores.

    Found by successive halving where there is data enough for it (see
    `population.make_screen`): scoring all of them as the search did would take as
    long as the search. What it costs the control is in `benchmarks/RESULTS.md`.
    """
    rows = draw_feasible(experiment, max(1, count), "control")
    population = experiment.config.search.population
    is_screened = not experiment.config.constraints.of_scores
    if engine.screen is not None and is_screened and len(rows) > population:
        best = engine.screen(score.params, rows)
        rows = rows[best : best + 1]
    return _best_within(experiment, score(rows))


def uniform_scaling(experiment: Experiment, score: Rescore) -> Scored | None:
    """The best network that shrinks all layers alike, as large as the limits allow.

    One candidate per depth and pooling: layers dropped evenly, and of the pairs of
    one head count and one inner width for all layers the costliest that fits. None if
    none of these is within the limits on scores.
    """
    space = experiment.space
    rows = distinct(experiment, uniform_rows(space))
    if not len(rows):
        smallest = np.asarray(space.flatten(space.smallest()))
        rows = distinct(experiment, _poolings(experiment, smallest))
    return _best_within(experiment, score(widest(experiment, rows)))


def _best_within(experiment: Experiment, scored: Scored) -> Scored | None:
    """The best that no limit forbids; without a limit, whatever is best."""
    if experiment.config.constraints.of_scores:
        scored = scored.take(np.flatnonzero(within(experiment, scored)))
    return scored.best() if len(scored.indices) else None


def _poolings(experiment: Experiment, row: Int[np.ndarray, " site"]) -> Rows:
    """The same network with every pooling, and whatever else has no order."""
    space = experiment.space
    rows = np.repeat(row[None], len(space.whole_rows), axis=0)
    for whole, chosen in zip(space.wholes, space.whole_rows.T, strict=True):
        if not space.knob(whole.name).is_ordered:
            rows[:, space.columns(whole.name).start] = chosen
    return np.unique(rows, axis=0)


class Tested(NamedTuple):
    """Test scores of several networks.

    Attributes:
        networks: of each, scores by column (see `Experiment.column`).
        trivial: by column, what the baseline without a network scores.
    """

    networks: list[dict[str, Scores]]
    trivial: dict[str, float]


# A network as it is tested: what gives its weights, when it is its turn, and its row.
Tried = tuple[Callable[[], SharedParams], Any]


def report(
    experiment: Experiment,
    networks: Sequence[Tried],
    tell: Report = unheard,
    changes: Mapping[str, Change] | None = None,
) -> Tested:
    """Official test scores of networks in every language of every task.

    This is the one place where target labels are read; nothing is chosen after.

    Args:
        tell: is told of every network in every task.
        changes: of each task, what becomes of its rows before they are read.
    """
    total = len(networks) * len(experiment.parts)
    tested = Tested([{} for _ in networks], {})
    supernet = make_scoring_supernet(experiment)
    for turn, part in enumerate(experiment.parts):
        change = None if changes is None else changes[part.name]
        given = experiment, part, part.roles.all, "test", "report"
        data = scoring_data(*given, change)
        predict = make_predictor(supernet, experiment.space, part.task)
        columns = [experiment.column(part, code) for code in part.roles.all]
        for number, (scores, (weights, row)) in enumerate(
            zip(tested.networks, networks, strict=True), start=turn * len(networks)
        ):
            tell("networks", number, total)
            own = weights().of_task(part.name)
            found = score_predictions(part.task, data, predict(own, row, data.batches))
            scores.update(zip(columns, found, strict=True))
        trivial = trivial_scores(part, data.examples)
        tested.trivial.update(zip(columns, trivial, strict=True))
    tell("networks", total, total)
    return tested
