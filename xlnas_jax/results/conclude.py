"""The end of a search: what is scored last, and in which order."""

from collections.abc import Callable

import numpy as np

from xlnas_jax.devices.sharding import local
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.document import Document, make_document
from xlnas_jax.results.finish import (
    Scored,
    final_front,
    full_network,
    random_control,
    report,
    uniform_scaling,
)
from xlnas_jax.search.search import Engine, SearchState
from xlnas_jax.terminal.progress import Progress

PARTS = (
    "scoring the archive with the final weights",
    "scoring as many random networks",
    "scoring uniformly scaled networks",
    "scoring test data, targets included, for the report",
)


def conclude(
    experiment: Experiment,
    engine: Engine,
    state: SearchState,
    progress: Progress,
    confirm: Callable[..., np.ndarray] | None = None,
) -> Document:
    """Takes the front, adds the baselines, and only then reads the targets.

    Args:
        confirm: as in `final_front`; baselines are measured too, and kept.
    """
    params = state.learner.params
    done = int(state.round)

    def begin(part: int) -> None:
        progress.phase(PARTS[part])
        progress.update(done + part)

    begin(0)
    front = final_front(experiment, engine, state, confirm)
    parts = {"full": full_network(experiment, engine, params)}
    if experiment.config.search.control:
        begin(1)
        parts["random"] = random_control(experiment, engine, state)
        begin(2)
        parts["uniform"] = uniform_scaling(experiment, engine, params)
    names = [*parts, *["point"] * len(front.indices)]
    chosen = _join([*parts.values(), front])
    if confirm is not None:
        confirm(chosen.indices)
    shown = _tested(experiment, front, len(parts))
    begin(3)
    tested = report(experiment, local(params), chosen.indices[shown])
    progress.update(done + len(PARTS))
    counts = int(state.evaluated), int(state.rejected), int(state.failed)
    return make_document(experiment, chosen, names, tested, shown, *counts)


def _join(parts: list[Scored]) -> Scored:
    """Several sets of candidates, one after another."""
    metrics = tuple(
        {name: np.concatenate([part.metrics[i][name] for part in parts]) for name in m}
        for i, m in enumerate(parts[0].metrics)
    )
    return Scored(
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.objectives for part in parts]),
        metrics,
    )


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
