"""After the last round: the front and its baselines, chosen without any target.

Candidates met in earlier rounds were scored with younger weights, so all are
scored again with the final ones before the front is taken. The baselines are
chosen by the same rule, on the same data, within the same limits.
"""

import itertools
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.engine import REPORTED, make_population_evaluator, round_key
from xlnas_jax.experiment import Experiment, evaluation_batches
from xlnas_jax.objectives import objective_matrix
from xlnas_jax.pareto import nondominated
from xlnas_jax.search import Engine, SearchState
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.supernet.params import SupernetParams

Rows = Int[np.ndarray, "pop site"]


@dataclass(frozen=True, eq=False)
class Scored:
    """Candidates with what was measured of them.

    Attributes:
        indices: canonical choice indices.
        objectives: in the order of the experiment's objectives; lower is better.
        metrics: by name, each `pop lang`.
    """

    indices: Rows
    objectives: Float[np.ndarray, "pop obj"]
    metrics: dict[str, Float[np.ndarray, "pop lang"]]

    def take(self, rows: Int[np.ndarray, " n"]) -> "Scored":
        """The candidates at these positions, in that order."""
        metrics = {name: values[rows] for name, values in self.metrics.items()}
        return Scored(self.indices[rows], self.objectives[rows], metrics)

    def best(self) -> "Scored":
        """The one with the lowest first objective; ties go to the next ones."""
        order = np.lexsort(self.objectives.T[::-1])
        return self.take(order[:1])


def rescore(
    experiment: Experiment, engine: Engine, params: SupernetParams, rows: Rows
) -> Scored:
    """Scores any number of candidates on the auxiliary languages."""
    rows = experiment.space.canonical(rows)
    size = experiment.config.search.population
    parts = []
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        padded = np.pad(chunk, ((0, size - len(chunk)), (0, 0)))
        statistics = engine.evaluate(params, padded, len(chunk)).statistics
        parts.append(np.asarray(statistics)[: len(chunk)])
    return _scored(experiment, rows, np.concatenate(parts))


def _scored(experiment: Experiment, rows: Rows, statistics: np.ndarray) -> Scored:
    metrics = experiment.task.metrics(jnp.asarray(statistics))
    counts = experiment.costs(rows)
    costs = {name: jnp.asarray(value, jnp.float32) for name, value in counts.items()}
    matrix = objective_matrix(experiment.objectives, metrics, costs)
    kept = {name: np.asarray(metrics[name]) for name in REPORTED}
    return Scored(rows, np.asarray(matrix), kept)


def final_front(experiment: Experiment, engine: Engine, state: SearchState) -> Scored:
    """The non-dominated candidates of the archive under the final weights.

    The smallest network is always a candidate, so that a front exists even where
    no draw was feasible.
    """
    archive, space = state.archive, experiment.space
    met = np.asarray(archive.indices)[np.asarray(archive.is_valid)]
    smallest = np.asarray(space.flatten(space.smallest()))[None]
    scored = rescore(
        experiment,
        engine,
        state.learner.params,
        _distinct(experiment, np.concatenate([met, smallest])),
    )
    is_finite = np.isfinite(scored.objectives).all(-1)
    is_best = nondominated(jnp.asarray(scored.objectives), jnp.asarray(is_finite))
    on_front = np.asarray(is_best)
    order = np.lexsort(scored.objectives.T[::-1])
    return scored.take(order[on_front[order]])


def _distinct(experiment: Experiment, rows: Rows) -> Int[np.ndarray, "distinct site"]:
    """Feasible rows in canonical form, each once, in order of first appearance."""
    rows = experiment.space.canonical(rows)
    rows = rows[is_feasible(rows, experiment.costs, experiment.config.constraints)]
    first = np.unique(rows, axis=0, return_index=True)[1]
    return rows[np.sort(first)]


def full_network(
    experiment: Experiment, engine: Engine, params: SupernetParams
) -> Scored:
    """The whole supernet, with the pooling that transfers best; limits ignored."""
    full = np.asarray(experiment.space.flatten(experiment.space.largest()))
    return rescore(experiment, engine, params, _poolings(experiment, full)).best()


def random_control(
    experiment: Experiment, engine: Engine, state: SearchState
) -> Scored:
    """The best of as many random feasible candidates as the search evaluated."""
    config, space = experiment.config, experiment.space
    wanted = max(1, int(state.evaluated))
    rows = np.zeros((0, len(space.num_choices)), np.int32)
    for attempt in range(config.search.max_tries):
        key = round_key(config, "control", attempt)
        drawn = np.asarray(space.flatten(space.sample(key, 4 * wanted)))
        rows = _distinct(experiment, np.concatenate([rows, drawn]))
        if len(rows) >= wanted:
            break
    if not len(rows):
        rows = np.asarray(space.flatten(space.smallest()))[None]
    return rescore(experiment, engine, state.learner.params, rows[:wanted]).best()


def uniform_scaling(
    experiment: Experiment, engine: Engine, params: SupernetParams
) -> Scored:
    """The best network that shrinks all layers alike, as large as the limits allow.

    One candidate per depth and pooling: layers dropped evenly, and of the pairs of
    one head count and one inner width for all layers the costliest that fits.
    """
    space = experiment.space
    rows = [row for depth in _depths(experiment) for row in _widest(experiment, depth)]
    if not rows:
        rows = [np.asarray(space.flatten(space.smallest()))]
    every = np.concatenate([_poolings(experiment, row) for row in rows])
    feasible = _distinct(experiment, every)
    return rescore(experiment, engine, params, feasible).best()


def _depths(experiment: Experiment) -> range:
    keep = experiment.space.knob("keep")
    first = experiment.space.min_layers if len(keep.choices) > 1 else keep.sites
    return range(first, keep.sites + 1)


def _widest(experiment: Experiment, depth: int) -> list[Int[np.ndarray, " site"]]:
    """The widest feasible uniform network of a depth; none where none fits."""
    space = experiment.space
    keep, heads, ffn = (space.knob(name) for name in ("keep", "heads", "ffn"))
    kept = np.unique(np.linspace(0, keep.sites - 1, depth).round().astype(int))
    pairs = itertools.product(range(len(heads.choices)), range(len(ffn.choices)))
    rows = []
    for head, neuron in pairs:
        row = np.zeros((1, len(space.num_choices)), np.int32)
        on = keep.choices.index(1)
        row[0, space.columns("keep")] = np.where(
            np.isin(np.arange(keep.sites), kept), on, 0
        )
        row[0, space.columns("heads")] = head
        row[0, space.columns("ffn")] = neuron
        rows.append(space.canonical(row)[0])
    rows = np.stack(rows)
    fits = is_feasible(rows, experiment.costs, experiment.config.constraints)
    if not fits.any():
        return []
    flops = experiment.costs(rows)["flops"]
    return [rows[np.where(fits, flops, -1).argmax()]]


def _poolings(experiment: Experiment, row: Int[np.ndarray, " site"]) -> Rows:
    """The same network with every pooling."""
    column = experiment.space.columns("pooling").start
    count = len(experiment.space.knob("pooling").choices)
    rows = np.repeat(row[None], count, axis=0)
    rows[:, column] = np.arange(count)
    return rows


def report(
    experiment: Experiment, params: SupernetParams, rows: Rows
) -> tuple[Scored, Float[np.ndarray, " lang"]]:
    """Test scores in every language, and each one's majority-class rate.

    This is the one place where target labels are read; nothing is chosen after.
    """
    languages = experiment.roles.all
    batches = evaluation_batches(experiment, languages, "test", "report")
    evaluate = make_population_evaluator(experiment, len(languages))
    num = jnp.asarray(len(rows), jnp.int32)
    statistics = evaluate(params, jnp.asarray(rows), num, batches).statistics
    scored = _scored(experiment, rows, np.asarray(statistics))
    size = len(experiment.task.labels)
    gold = np.zeros((len(languages), size))
    for batch in batches:
        cells = (np.asarray(batch.language), np.asarray(batch.label))
        np.add.at(gold, cells, np.asarray(batch.weight))
    return scored, gold.max(-1) / gold.sum(-1)
