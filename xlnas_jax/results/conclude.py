"""The end of a search: what is scored last, and in which order."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xlnas_jax.devices.sharding import local
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.document import Document, make_document
from xlnas_jax.results.few_shot.document import add_few_shot
from xlnas_jax.results.few_shot.tune import keep, tune_on_targets
from xlnas_jax.results.finalists.choose import choose
from xlnas_jax.results.finalists.contenders import make_contenders
from xlnas_jax.results.finalists.document import add_finalists
from xlnas_jax.results.finalists.places import settled
from xlnas_jax.results.finalists.train import (
    Finalist,
    Workshop,
    require_kept,
    train_finalists,
    trained_weights,
    with_known,
)
from xlnas_jax.results.finish import (
    Rescore,
    Scored,
    Tested,
    Tried,
    final_front,
    full_network,
    random_control,
    remembered,
    report,
    uniform_scaling,
)
from xlnas_jax.results.scoring import Scores
from xlnas_jax.search.adapt import history_of
from xlnas_jax.search.alone import make_train_alone
from xlnas_jax.search.engine import Data
from xlnas_jax.search.pruners import Pruners
from xlnas_jax.search.search import Engine, SearchState
from xlnas_jax.search.teacher import whole_teacher
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.terminal.progress import Progress
from xlnas_jax.terminal.report import Report

# What the terminal says of each part, and the name that its time is kept under.
PARTS = {
    "front": "scoring the archive with the final weights",
    "random": "scoring as many random networks",
    "uniform": "scoring uniformly scaled networks",
    "finalists": "training finalists",
    "report": "scoring test data, targets included, for the report",
    "few_shot": "training what was picked on a few rows of targets, after the choice",
}
Begin = Callable[[str], None]
Pick = Callable[[Document], dict[str, Any]]


class Chosen(NamedTuple):
    """The front, and what it is held against.

    Attributes:
        names: of each network, the baseline it is, or `point`.
        scored: all of them, baselines first. front: the points.
    """

    names: list[str]
    scored: Scored
    front: Scored


class Ended(NamedTuple):
    """Finalists, and which of them won.

    Attributes:
        shop: where they were trained.
        winner: its position.
    """

    shop: Workshop
    finalists: list[Finalist]
    winner: int


def conclude(
    experiment: Experiment,
    engine: Engine,
    state: SearchState,
    progress: Progress,
    confirm: Callable[..., np.ndarray] | None = None,
    data: Data | None = None,
    folder: Path | None = None,
    begun: Begin = lambda part: None,
    pick: Pick | None = None,
) -> Document:
    """Takes the front, adds the baselines, and only then reads the targets.

    Last of all, where it is asked for, what was picked learns from some of their rows.

    Args:
        confirm: as in `final_front`; baselines and finalists are measured too, and
            kept.
        data: training rows and auxiliary data, where finalists are to be trained.
        folder: where finalists are kept, so that a killed search need not train them
            again, and beside it what learns from targets; nowhere if None.
        begun: is told the name of every part when it begins.
        pick: which network of the document is exported.
    """
    teacher = teacher_of(experiment, state)
    score = Rescore(experiment, engine, state.learner.params)
    done = int(state.round)

    def begin(part: str) -> None:
        begun(part)
        progress.phase(PARTS[part])
        progress.update(done + list(PARTS).index(part))

    chosen = _choose(experiment, engine, state, score, teacher, confirm, begin)
    ended = None
    if data is not None and experiment.config.search.finalists:
        begin("finalists")
        shop = _workshop(experiment, engine, score, teacher, data, folder, progress)
        pool = chosen.front
        if experiment.config.finalists.tries > 1 and confirm is None:
            pool = remembered(experiment, score, state.archive)
        ended = _finalists(shop, data, chosen.front, pool, int(state.evaluated))
        if confirm is not None:
            # Controls too: what stands at a share of the latency is seen to be there.
            confirm(np.stack([one.contender.row for one in ended.finalists]))
    begin("report")
    shown = _tested(experiment, chosen.front, len(chosen.names) - len(chosen.front))
    given = engine, score, teacher, chosen, shown, ended
    tested, of_finalists = _test(*given, progress.inner)
    counts = int(state.evaluated), int(state.rejected), int(state.failed)
    document = make_document(
        experiment, chosen.scored, chosen.names, tested, shown, *counts
    )
    if engine.adapt is not None and state.space is not None:
        searched = done - engine.num_warm_up
        document["adaptation"] = history_of(engine.adapt, state.space, searched)
    if ended is not None:
        found, winner = ended.finalists, ended.winner
        add_finalists(experiment, document, found, of_finalists, winner)
    if experiment.config.few_shot.rows and pick is not None:
        begin("few_shot")
        point = pick(document)
        weights = _weights_of(experiment, score, ended, point)
        _few_shot(experiment, document, point, weights, folder)
    progress.update(done + len(PARTS))
    return document


def _weights_of(
    experiment: Experiment, score: Rescore, ended: Ended | None, point: dict[str, Any]
) -> SharedParams:
    """A point's own weights: of a finalist, else those that the search ended with."""
    if "places" not in point or ended is None:
        require_kept(experiment, point)
        return local(score.params)
    named = {one.contender.name(experiment): one for one in ended.finalists}
    return trained_weights(ended.shop, named[point["name"]])


def _few_shot(
    experiment: Experiment,
    document: Document,
    point: dict[str, Any],
    params: SharedParams,
    folder: Path | None,
) -> None:
    """Trains what was picked on targets, and scores it as it was and as it is.

    Where a search was killed in between it is trained again, to the same bits.
    """
    row = experiment.space.from_values(point["architecture"])
    tuned = local(tune_on_targets(experiment, params, row))
    tested = report(experiment, [(lambda: params, row), (lambda: tuned, row)])
    if folder is not None:
        keep(experiment, tuned, row, folder.parent)
    before, after = tested.networks
    add_few_shot(experiment, document, point, before, after)


def _choose(
    experiment: Experiment,
    engine: Engine,
    state: SearchState,
    score: Rescore,
    teacher: SharedParams,
    confirm: Callable[..., np.ndarray] | None,
    begin: Begin,
) -> Chosen:
    """The front and its baselines, by auxiliary data."""
    begin("front")
    front = final_front(experiment, score, state.archive, confirm)
    full = full_network(experiment, Rescore(experiment, engine, teacher, True))
    controls: dict[str, Scored | None] = {}
    if experiment.config.search.control:
        begin("random")
        count = int(state.evaluated)
        controls["random"] = random_control(experiment, engine, score, count)
        begin("uniform")
        controls["uniform"] = uniform_scaling(experiment, score)
    # A control that has no network within the limits does not exist.
    found = {name: one for name, one in controls.items() if one is not None}
    parts = {"full": full, **found}
    names = [*parts, *["point"] * len(front)]
    chosen = Scored.join([*parts.values(), front])
    if confirm is not None:
        confirm(chosen.indices)
    return Chosen(names, chosen, front)


def _finalists(
    shop: Workshop, data: Data, front: Scored, pool: Scored, evaluated: int
) -> Ended:
    """Trains them and their controls, and picks one by auxiliary data."""
    experiment = shop.experiment
    pruners = Pruners(experiment, shop.teacher, data[0])
    contenders = make_contenders(
        experiment, shop.score, evaluated, front, pool, pruners
    )
    contenders = with_known(shop, contenders, pool.indices)
    finalists = settled(experiment, train_finalists(shop, contenders))
    ids = [{e.language: e.ids for e in one.examples} for one in shop.heldout]
    return Ended(shop, finalists, choose(experiment, ids, finalists))


def _test(
    engine: Engine,
    score: Rescore,
    teacher: SharedParams,
    chosen: Chosen,
    shown: list[int],
    ended: Ended | None,
    tell: Report,
) -> tuple[Tested, list[dict[str, Scores]]]:
    """Test scores of the networks at the positions `shown`, and of all finalists."""
    networks: list[Tried] = []
    for n in shown:
        row = chosen.scored.indices[n]
        if chosen.names[n] == "full":
            networks.append((functools.partial(local, teacher), row))
        elif engine.tune is None:
            networks.append((functools.partial(local, score.params), row))
        else:
            # As it was scored.
            networks.append((functools.partial(engine.tune, score.params, row), row))
    # The same network of the same weights may stand for several; it is tested once.
    places: dict[str, int] = {}
    of_finalists = []
    for one in ended.finalists if ended is not None else ():
        assert ended is not None
        name = one.contender.name(score.experiment)
        if name not in places:
            places[name] = len(networks)
            made = functools.partial(trained_weights, ended.shop, one)
            networks.append((made, one.contender.row))
        of_finalists.append(places[name])
    tested = report(score.experiment, networks, tell)
    every = tested.networks
    own = tested._replace(networks=every[: len(shown)])
    return own, [every[place] for place in of_finalists]


def teacher_of(experiment: Experiment, state: SearchState) -> SharedParams:
    """The full network: as the warm-up left it if it is kept, else as it is."""
    if state.teacher is None:
        return state.learner.params
    return whole_teacher(experiment, state.teacher, state.learner.params)


def _workshop(
    experiment: Experiment,
    engine: Engine,
    score: Rescore,
    teacher: SharedParams,
    data: Data,
    folder: Path | None,
    progress: Progress,
) -> Workshop:
    rows, heldout = data
    train = make_train_alone(experiment, rows, experiment.config.finalists)
    told = progress.phase, progress.inner
    return Workshop(experiment, engine, heldout, train, score, teacher, folder, *told)


def _tested(experiment: Experiment, front: Scored, num_baselines: int) -> list[int]:
    """Positions of the networks whose test scores are taken.

    All baselines; of the front the best, the smallest and some evenly between.
    """
    size, wanted = len(front.indices), experiment.config.search.tested
    smallest = int(experiment.costs(front.indices)["params"].argmin())
    count = size if not wanted else min(wanted, size)
    spread = np.linspace(0, size - 1, count).round().astype(int)
    chosen = sorted({0, smallest, *spread[: max(0, count - 1)].tolist()})
    if not wanted:
        chosen = list(range(size))
    return [*range(num_baselines), *(num_baselines + position for position in chosen)]
