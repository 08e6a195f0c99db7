"""Finds the form that scores fastest on the machine, the data and the space at hand.

Sliced candidates pay for themselves alone, masked ones for the full network, but many
of those run at a time. Which wins depends on how much of the device one candidate
fills, so it is timed: one batch of the search's own data, candidates within its own
limits. Larger chunks are tried for as long as they are faster.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.evaluation.population import make_scoring_supernet
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.draws import Rows, draw_feasible
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.types import Batch, ConfigError

CHUNKS = (4, 16, 64)
REPEATS = 2
# Slower than the best by more than this at its first run is out at once.
HOPELESS = 1.5
# What XLA says where a chunk's activations do not fit.
_NO_MEMORY = "RESOURCE_EXHAUSTED"

# Seconds that one way of scoring takes, and that it took to compile.
Timing = dict[str, Any]


def pin(experiment: Experiment, choice: dict[str, Any]) -> Experiment:
    """The same experiment with the form of a choice that was made before."""
    found = {name: choice[name] for name in ("form", "chunk")}
    evaluate = dataclasses.replace(experiment.config.evaluate, **found)
    return experiment.with_evaluate(evaluate)


def autotune(
    experiment: Experiment, heldout: tuple[ScoringData, ...]
) -> dict[str, Any]:
    """The fastest form and chunk, and what every one that was tried took.

    Returns:
        Plain values for `measured.json`: `form`, `chunk`, `device`, the `seconds`
        all this took and `tried`, each with candidates a second.

    Raises:
        ConfigError: not even one candidate at a time fits into memory.
    """
    begun = time.perf_counter()
    part, batch = _heaviest(experiment, heldout)
    params = init_params(experiment).of_task(part.name)
    tried: list[Timing] = []
    for form, chunk in _options(experiment, tried):
        rows = _population(experiment, chunk)
        run = _make_run(experiment, part, form, chunk, params, rows, batch)
        timing = _time(run, len(rows), _fastest(tried))
        if timing is not None:
            tried.append({"form": form, "chunk": chunk, **timing})
    if not tried:
        raise ConfigError(
            f"evaluate.batch_tokens: a batch must fit into the device's memory; got "
            f"{experiment.config.evaluate.batch_tokens}. Use a smaller one."
        )
    best = max(tried, key=lambda timing: timing["candidates_per_second"])
    return {
        "form": best["form"],
        "chunk": best["chunk"],
        "device": jax.devices()[0].device_kind,
        "seconds": round(time.perf_counter() - begun, 3),
        "tried": tried,
    }


def _options(experiment: Experiment, tried: list[Timing]) -> Iterator[tuple[str, int]]:
    """Forms and chunks; larger chunks while the last one was the fastest masked."""
    yield "sliced", 1
    most = experiment.config.search.population
    last = 0.0
    for chunk in CHUNKS:
        if chunk > max(most, CHUNKS[0]):
            return
        yield "masked", chunk
        newest = tried[-1] if tried else {}
        if newest.get("chunk") != chunk or newest["candidates_per_second"] <= last:
            return
        last = newest["candidates_per_second"]


def _fastest(tried: list[Timing]) -> float:
    return max((timing["candidates_per_second"] for timing in tried), default=0.0)


def _heaviest(
    experiment: Experiment, heldout: tuple[ScoringData, ...]
) -> tuple[TaskPart, tuple[Batch, ...]]:
    """One batch of the bucket that most of the tokens are in, and its task."""
    buckets = [
        (bucket.tokens.size, part, bucket)
        for part, data in zip(experiment.parts, heldout, strict=True)
        for bucket in data.batches
    ]
    _, part, bucket = max(buckets, key=lambda found: found[0])
    return part, (jax.tree.map(lambda leaf: leaf[:1], bucket),)


def _population(experiment: Experiment, chunk: int) -> Rows:
    """Candidates as a search would score them: a whole chunk, or a few."""
    size = max(chunk, CHUNKS[0])
    rows = draw_feasible(experiment, size, "tune")
    return np.resize(rows, (size, rows.shape[1]))


def _make_run(
    experiment: Experiment,
    part: TaskPart,
    form: str,
    chunk: int,
    params: Any,
    rows: Rows,
    batches: tuple[Batch, ...],
) -> Callable[[], None]:
    """Scores the rows once, and waits for it."""
    space = experiment.space
    supernet = make_scoring_supernet(pin(experiment, {"form": form, "chunk": chunk}))
    languages = len(part.roles.every)
    score = make_evaluator(supernet, space, part.task, languages, form, chunk)

    def run() -> None:
        jax.block_until_ready(score(params, rows, len(rows), batches))

    return run


def _time(run: Callable[[], None], num: int, fastest: float) -> Timing | None:
    """Candidates a second, and seconds to compile; None where memory is short."""
    begun = time.perf_counter()
    try:
        run()
    except jax.errors.JaxRuntimeError as error:
        if _NO_MEMORY in str(error):
            return None
        raise
    first = time.perf_counter() - begun
    seconds: list[float] = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
        if num / seconds[0] * HOPELESS < fastest:
            break
    middle = float(np.median(seconds))
    return {
        "candidates_per_second": round(num / middle, 3),
        "compile_seconds": round(max(first - middle, 0.0), 3),
    }
