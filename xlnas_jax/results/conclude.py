"""The end of a search: what is scored last, and in which order."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from xlnas_jax.devices.sharding import local
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.document import Document, make_document
from xlnas_jax.results.finalists.choose import choose
from xlnas_jax.results.finalists.contenders import make_contenders
from xlnas_jax.results.finalists.document import add_finalists
from xlnas_jax.results.finalists.pruners import Pruners
from xlnas_jax.results.finalists.train import (
    Finalist,
    Workshop,
    train_finalists,
    trained_weights,
)
from xlnas_jax.results.finish import (
    Rescore,
    Scored,
    Tried,
    final_front,
    full_network,
    random_control,
    report,
    uniform_scaling,
)
from xlnas_jax.search.alone import make_train_alone
from xlnas_jax.search.engine import Data
from xlnas_jax.search.search import Engine, SearchState
from xlnas_jax.search.teacher import whole_teacher
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.terminal.progress import Progress

PARTS = (
    "scoring the archive with the final weights",
    "scoring as many random networks",
    "scoring uniformly scaled networks",
    "training finalists",
    "scoring test data, targets included, for the report",
)
_FINALISTS, _REPORT = 3, 4


def conclude(
    experiment: Experiment,
    engine: Engine,
    state: SearchState,
    progress: Progress,
    confirm: Callable[..., np.ndarray] | None = None,
    data: Data | None = None,
    folder: Path | None = None,
) -> Document:
    """Takes the front, adds the baselines, and only then reads the targets.

    Args:
        confirm: as in `final_front`; baselines are measured too, and kept.
        data: training rows and auxiliary data, where finalists are to be trained.
        folder: where finalists are kept, so that a killed search need not train them
            again; nowhere if None.
    """
    params = state.learner.params
    teacher = teacher_of(experiment, state)
    done = int(state.round)
    counts = int(state.evaluated), int(state.rejected), int(state.failed)

    def begin(part: int) -> None:
        progress.phase(PARTS[part])
        progress.update(done + part)

    begin(0)
    score = Rescore(experiment, engine, params)
    front = final_front(experiment, score, state.archive, confirm)
    full = full_network(experiment, Rescore(experiment, engine, teacher, True))
    parts = {"full": full}
    controls: dict[str, Scored | None] = {}
    if experiment.config.search.control:
        begin(1)
        controls["random"] = random_control(experiment, engine, score, counts[0])
        begin(2)
        controls["uniform"] = uniform_scaling(experiment, score)
    # A control that has no network within the limits does not exist.
    parts |= {name: one for name, one in controls.items() if one is not None}
    names = [*parts, *["point"] * len(front.indices)]
    chosen = Scored.join([*parts.values(), front])
    if confirm is not None:
        confirm(chosen.indices)
    finalists: list[Finalist] = []
    shop = None
    if data is not None and experiment.config.search.finalists:
        begin(_FINALISTS)
        say = progress.phase
        shop = _workshop(experiment, engine, score, teacher, data, folder, say)
        pruners = Pruners(experiment, shop.teacher, data[0])
        contenders = make_contenders(experiment, score, counts[0], front, pruners)
        finalists = train_finalists(shop, contenders)
    shown = _tested(experiment, front, len(parts))
    begin(_REPORT)
    networks: list[Tried] = []
    for n in shown:
        row, own = chosen.indices[n], teacher if names[n] == "full" else params
        made: Callable[[], SharedParams] = functools.partial(local, own)
        if engine.tune is not None and names[n] != "full":
            # As it was scored.
            made = functools.partial(engine.tune, own, row, None)
        networks.append((made, row))
    for one in finalists:
        assert shop is not None
        made = functools.partial(trained_weights, shop, one)
        networks.append((made, one.contender.row))
    tested = report(experiment, networks)
    of_finalists = tested.networks[len(shown) :]
    tested = tested._replace(networks=tested.networks[: len(shown)])
    progress.update(done + len(PARTS))
    document = make_document(experiment, chosen, names, tested, shown, *counts)
    if shop is not None:
        ids = [{e.language: e.ids for e in one.examples} for one in shop.heldout]
        winner = choose(experiment, ids, finalists)
        add_finalists(experiment, document, finalists, of_finalists, winner)
    return document


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
    say: Callable[[str], None],
) -> Workshop:
    settings = experiment.config.finalists
    rows, heldout = data
    train = make_train_alone(experiment, rows, settings.steps, settings.learning_rate)
    return Workshop(experiment, engine, heldout, train, score, teacher, folder, say)


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
