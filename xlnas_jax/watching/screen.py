"""What is shown of one run: how far it is, its last rounds, its front."""

import itertools
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import RenderableType

from xlnas_jax.terminal.progress import duration
from xlnas_jax.terminal.scatter import Scatter
from xlnas_jax.terminal.text import Block, Grid
from xlnas_jax.watching.states import RunState

# Rounds that are shown, and gaps between rounds by which the time left is estimated.
NUM_ROUNDS = 8
NUM_GAPS = 10
# What stands in a log beside the best score, and what it is called here.
_SHOWN = {
    "loss": "training loss",
    "hypervolume": "hypervolume",
    "evaluated": "scored",
    "rejected_before_evaluation": "rejected unscored",
    "failed": "failed",
}
Record = Mapping[str, Any]
Front = list[dict[str, float]]


def screen(
    state: RunState,
    rounds: Mapping[int, Record],
    left: float | None,
    front: Front,
) -> list[RenderableType]:
    """All of it, to be shown below each other.

    Args:
        left: seconds until the last round, if they can be told.
        front: objectives of each network, by name.
    """
    parts: list[RenderableType] = [Block(headline(state, left))]
    if rounds:
        parts.append(rounds_table(rounds))
    if front:
        parts.append(front_of(front))
    return parts


def headline(state: RunState, left: float | None) -> str:
    """Where the run stands, in one line."""
    text = f"{state.path}: {state.said()}"
    if state.state == "running":
        text += f", process {state.process}"
        if state.done >= state.total:
            return f"{text}, scoring the end"
        return text + (f", {duration(left)} left" if left is not None else "")
    if state.seconds is not None:
        text += f", {duration(state.seconds)}"
    if state.best is not None:
        text += f", best auxiliary {state.objective} {state.best:.4f}"
    return text


def seconds_left(times: Mapping[int, float], done: int, total: int) -> float | None:
    """Until the last round, by the median gap between rounds; None where none is known.

    Args:
        times: when a round was logged, by its number.
    """
    last = sorted(times)[-NUM_GAPS - 1 :]
    gaps = [
        (times[later] - times[earlier]) / (later - earlier)
        for earlier, later in itertools.pairwise(last)
    ]
    if not gaps:
        return None
    return max(0.0, statistics.median(gaps)) * max(0, total - done)


def rounds_table(rounds: Mapping[int, Record]) -> Grid:
    """The last rounds, the newest below."""
    numbers = sorted(rounds)[-NUM_ROUNDS:]
    shown = [values_of(rounds[number]) for number in numbers]
    names = list(dict.fromkeys(name for values in shown for name in values))
    rows = [
        (str(number + 1), *(values.get(name, "-") for name in names))
        for number, values in zip(numbers, shown, strict=True)
    ]
    return Grid("Rounds", ("round", *names), rows)


def values_of(record: Record) -> dict[str, str]:
    """What is shown of a round, by the name it is shown under."""
    found = {}
    for key, value in record.items():
        if key == "losses" and isinstance(value, Mapping):  # of a pretraining
            found |= {f"{name} loss": _number(loss) for name, loss in value.items()}
        elif key.startswith("best_"):
            found[key.replace("_", " ")] = _number(value)
        elif key in _SHOWN or key == "step":
            found[_SHOWN.get(key, key)] = _number(value)
    return found


def line_of(record: Record, total: int, left: float | None) -> str:
    """A round in one line, for a log."""
    values = [f"{name} {value}" for name, value in values_of(record).items()]
    text = f"round {record['round'] + 1} of {total}: {', '.join(values)}"
    return text if left is None else f"{text}, {duration(left)} left"


def front_of(front: Front) -> RenderableType:
    """A picture of two objectives, or a table of any other number."""
    names = list(front[0])
    title = f"Front: {len(front)} networks"
    if len(names) == 2:
        first, second = names
        points = [(point[second], point[first]) for point in front]
        return Scatter(title, second, first, points)
    rows = [
        (str(number), *(_number(point[name]) for name in names))
        for number, point in enumerate(front, start=1)
    ]
    return Grid(title, ("network", *names), rows)


def named_front(names: Iterable[str], points: Iterable[Iterable[float]]) -> Front:
    """Points of a log, whose objectives are in the order of the configuration."""
    names = tuple(names)
    return [dict(zip(names, point, strict=True)) for point in points]


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}"
