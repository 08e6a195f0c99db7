"""Run directories at any stage, without a search."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.storage.test_rundir import make_config
from xlnas_jax.files import write_json
from xlnas_jax.storage.rundir import Run, open_run

FRONT = {
    "objectives": ["error", "flops"],
    "tasks": {"task": {"kind": "classification"}},
    "points": [
        {"objectives": {"error": 0.25, "flops": 4e6}},
        {"objectives": {"error": 0.5, "flops": 1e6}},
    ],
}


def line(number: int, best: float = 0.5) -> dict:
    """What a round of a search logs."""
    return {
        "round": number,
        "loss": 1.5,
        "evaluated": 6 * (number + 1),
        "rejected_before_evaluation": 3,
        "failed": 0,
        "best_error": best,
        "hypervolume": 0.25,
        "front": [[best, 2e6], [best + 0.25, 1e6]],
    }


@contextlib.contextmanager
def held(path: Path, rounds: int = 0) -> Iterator[Run]:
    """A search that has logged so many rounds, and goes on."""
    with open_run(path, make_config(rounds=4)) as run:
        for number in range(rounds):
            run.metrics.append(line(number, 0.5 - number / 100))
        yield run


def stopped(path: Path, rounds: int) -> Path:
    """A search that was killed after so many rounds."""
    with held(path, rounds):
        pass
    return path


def finished(path: Path) -> Path:
    """A search with its front and its model."""
    with held(path, 4) as run:
        run.model.mkdir()
        run.experiment.mkdir()
        tasks = {"task": {"kind": "classification"}}
        write_json(run.experiment / "experiment.json", {"tasks": tasks})
        run.merge_measured({"seconds": 90.5})
        run.write_front(FRONT)
    return path
