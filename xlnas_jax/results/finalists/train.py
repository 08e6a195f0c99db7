"""Trains contenders alone, one after another, and scores each on auxiliary data."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.devices.sharding import local
from xlnas_jax.evaluation.evaluate import RowScorer
from xlnas_jax.evaluation.population import row_scorer_of
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.results.finalists.contenders import FOUND, SHARED, Contender
from xlnas_jax.results.finalists.saved import Trained, load_finalist, save_finalist
from xlnas_jax.results.finalists.weights import (
    cut_network,
    fingerprint,
    spread_network,
)
from xlnas_jax.results.finish import Rescore, Scored
from xlnas_jax.search.alone import TrainAlone
from xlnas_jax.search.search import Engine
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.training.reorder import reorder
from xlnas_jax.types import CheckpointError, ConfigError

FOLDER = "finalists"


class Finalist(NamedTuple):
    """A contender, before and after it was trained alone.

    Attributes:
        before, after: one candidate each.
        trained: what is kept of it.
    """

    contender: Contender
    before: Scored
    after: Scored
    trained: Trained


class Workshop(NamedTuple):
    """What training and scoring finalists takes.

    Attributes:
        heldout: auxiliary data, with what a teacher says of it.
        score: of candidates, with the weights that the search ended with.
        teacher: the full network.
        folder: of the run; None keeps nothing.
        say: is told which one. report: how many of its steps are done.
    """

    experiment: Experiment
    engine: Engine
    heldout: tuple[ScoringData, ...]
    train: TrainAlone
    score: Rescore
    teacher: SharedParams
    folder: Path | None
    say: Callable[[str], None]
    report: Report = unheard

    def start(self, contender: Contender) -> SharedParams:
        """The weights that a contender is cut from."""
        if contender.start == SHARED:
            return self.score.params
        if contender.ranking is None:
            return self.teacher
        return _make_reorder(self.experiment.space)(self.teacher, contender.ranking)

    def score_of(self, params: SharedParams, row: Int[np.ndarray, " site"]) -> Scored:
        """One network of any weights as they are, on auxiliary data."""
        if params is self.score.params and self.engine.tune is None:
            return self.score(row[None])
        return Rescore(self.experiment, self.engine, params, as_is=True)(row[None])


@functools.cache
def _make_reorder(space: SearchSpace) -> Callable[..., SharedParams]:
    """Units in the order of a ranking, whichever: compiled once for a space."""
    return jax.jit(lambda tree, ranking: reorder(tree, space, ranking))


def train_finalists(shop: Workshop, contenders: list[Contender]) -> list[Finalist]:
    """All of them; equal networks of the same weights are trained once.

    Args:
        contenders: as `with_known` names them.
    """
    experiment = shop.experiment
    parts = zip(experiment.parts, shop.heldout, strict=True)
    scorers = [row_scorer_of(experiment, *one) for one in parts]
    made: dict[str, Finalist] = {}
    names = [one.name(experiment) for one in contenders]
    total = len(set(names))
    found = []
    for name, contender in zip(names, contenders, strict=True):
        if name not in made:
            what = f"finalist {len(made) + 1} of {total}: {contender.kind}"
            shop.say(f"{what} at {', '.join(contender.places)}")
            made[name] = _train(shop, name, contender, scorers)
        found.append(made[name]._replace(contender=contender))
    return found


def named_once(shop: Workshop, contenders: list[Contender]) -> list[Contender]:
    """The same; networks that begin as the same weights are cut from the same start.

    The search's weights may stand in a pruner's order already, and none have learnt
    since: what the pruner makes of them is a network of the search then.
    """
    alike: dict[bytes, list[int]] = {}
    for n, one in enumerate(contenders):
        alike.setdefault(np.ascontiguousarray(one.row).tobytes(), []).append(n)
    found = list(contenders)
    for places in alike.values():
        if len({contenders[n].start for n in places}) == 1:
            continue
        first: dict[bytes, Contender] = {}
        for n in places:
            one = contenders[n]
            cut = cut_network(shop.experiment, shop.start(one), one.row)
            same = first.setdefault(fingerprint(cut), one)
            found[n] = one._replace(start=same.start, ranking=same.ranking)
    return found


def with_known(
    shop: Workshop, contenders: list[Contender], known: Int[np.ndarray, "pop site"]
) -> list[Contender]:
    """The same, and as found every control that the search has itself met.

    It is trained anyway, and where the search began with it, or came to it, its user
    has it: how it ends need not be guessed from how it begins.

    Args:
        known: networks that the search remembers.
    """
    there = {np.ascontiguousarray(row).tobytes() for row in known}
    there -= {one.row.tobytes() for one in contenders if one.kind == FOUND}
    added = [
        one._replace(kind=FOUND, start=SHARED, ranking=None)
        for one in contenders
        if one.row.tobytes() in there
    ]
    named = named_once(shop, [*contenders, *added])
    paid = {one.name(shop.experiment) for one in named[: len(contenders)]}
    free = {one.name(shop.experiment): one for one in named[len(contenders) :]}
    return [
        *named[: len(contenders)],
        *(one for name, one in free.items() if name in paid),
    ]


def _train(
    shop: Workshop, name: str, contender: Contender, scorers: list[RowScorer]
) -> Finalist:
    """One finalist, or what the run has kept of it."""
    experiment, row = shop.experiment, contender.row
    start = shop.start(contender)
    before = shop.score_of(start, row)
    folder = None if shop.folder is None else shop.folder / name
    trained = None
    if folder is not None:
        trained = load_finalist(folder, cut_network(experiment, start, row))
    if trained is None:
        tell = functools.partial(shop.report, "its steps")
        params = shop.train(start, row, tell=tell)
        # Stopped early, it has fewer than were told of.
        shop.report("its steps", 1, 1)
        after = shop.score_of(params, row)
        trained = Trained(
            cut_network(experiment, params, row),
            after.objectives[0],
            jax.tree.map(lambda leaf: np.asarray(leaf)[0], after.metrics),
            tuple(
                _by_example(shop, part, data, params, row, scorer)
                for part, data, scorer in zip(
                    experiment.parts, shop.heldout, scorers, strict=True
                )
            ),
        )
        if folder is not None:
            save_finalist(folder, trained)
    metrics = jax.tree.map(lambda leaf: leaf[None], trained.metrics)
    after = Scored(before.indices, trained.objectives[None], metrics)
    return Finalist(contender, before, after, trained)


def trained_weights(shop: Workshop, finalist: Finalist) -> SharedParams:
    """A finalist's weights, in the shape of the shared ones."""
    row, cut = finalist.contender.row, finalist.trained.cut
    return spread_network(shop.experiment, local(shop.score.params), row, cut)


def weights_of(
    experiment: Experiment, params: SharedParams, point: dict[str, Any], folder: Path
) -> SharedParams:
    """The weights of a point of `front.json`: a finalist's own, else the shared ones.

    Raises:
        CheckpointError: the finalist's weights are not there any more.
    """
    if "places" not in point:
        require_kept(experiment, point)
        return params
    row = experiment.space.from_values(point["architecture"])
    like = cut_network(experiment, params, row)
    trained = load_finalist(folder / point["name"], like)
    if trained is None:
        raise CheckpointError(
            f"{folder / point['name']}: must hold the weights of finalist "
            f"{point['id']}; got none, or damaged ones. Restore the run's directory, "
            f"or search again in another one."
        )
    return spread_network(experiment, params, row, trained.cut)


def require_kept(experiment: Experiment, point: dict[str, Any]) -> None:
    """Raises ConfigError where a point was scored by weights that are gone."""
    if experiment.config.evaluate.tuning is not None:
        raise ConfigError(
            f"pick: with evaluate.tuning it must be a finalist, since the weights by "
            f"which {point['id']} was scored are not kept. front.json names finalists "
            f"under `finalists`; `best`, `knee` and `smallest` are some."
        )


def _by_example(
    shop: Workshop,
    part: TaskPart,
    data: ScoringData,
    params: SharedParams,
    row: np.ndarray,
    scorer: RowScorer,
) -> dict[str, Float[np.ndarray, "example stat"]]:
    """By language, statistics of every example; of a question, over its windows."""
    own_params = local(params).of_task(part.name)
    found = scorer(own_params, row[None], 1, data.batches)
    total = np.zeros((sum(map(len, data.examples)), part.task.num_statistics))
    for plan, bucket in zip(data.plans, found, strict=True):
        own = np.asarray(bucket)[0]
        places = np.argwhere(plan.weight > 0)
        for place in places:
            at = tuple(place)
            example = data.rows.example[plan.rows[at]]
            if example < len(total):  # a translation is no example
                total[example] += own[at]
    ends = np.cumsum([len(one) for one in data.examples])[:-1]
    parts = np.split(total, ends)
    return {one.language: own for one, own in zip(data.examples, parts, strict=True)}
