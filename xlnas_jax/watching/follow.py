"""A run followed to its end: on a terminal in place, elsewhere a line a round."""

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from xlnas_jax.storage.events import EventsFile
from xlnas_jax.storage.rundir import METRICS, Run, holder, read_config
from xlnas_jax.terminal.in_place import InPlace
from xlnas_jax.terminal.text import say
from xlnas_jax.types import CheckpointError
from xlnas_jax.watching.lines import Lines
from xlnas_jax.watching.screen import (
    Front,
    headline,
    line_of,
    named_front,
    screen,
    seconds_left,
)
from xlnas_jax.watching.states import RunState, look


class Watched:
    """What is known of a run, read on from time to time.

    Attributes:
        state: as `look` found it, with the rounds that were logged since.
    """

    def __init__(self, state: RunState) -> None:
        self.path, self.state = state.path, state
        self.lines = Lines(state.path / METRICS)
        self.times: dict[int, float] = {}
        self.read()
        if not os.path.lexists(self._events.path):
            # When those were logged that were there is not known.
            self.times = {}

    def read(self) -> list[dict[str, Any]]:
        """Reads on; the rounds that are new."""
        new = self.lines.read()
        if new and os.path.lexists(self._events.path):
            self.times = self._events.times()
        elif new:
            last = new[-1]["round"]
            self.times = {n: at for n, at in self.times.items() if n < new[0]["round"]}
            self.times[last] = time.time()
        return new

    @property
    def _events(self) -> EventsFile:
        return Run(self.path, is_writer=False).events

    @property
    def done(self) -> int:
        """Rounds that were logged."""
        if not self.lines.rounds:
            return 0
        return max(self.lines.rounds) + (self.state.kind == "search")

    @property
    def left(self) -> float | None:
        """Seconds until the last round, where they can be told."""
        return seconds_left(self.times, self.done, self.state.total)

    def look(self) -> RunState:
        """The state anew, as the run was left."""
        self.state = look(self.path)
        return self.state

    def now(self) -> RunState:
        """The state while the run goes on: the same process, further on."""
        return dataclasses.replace(self.state, done=self.done)

    def front(self) -> Front:
        """Objectives of the front: the final one, or that of the last round."""
        if self.state.kind != "search":
            return []
        if self.state.state == "finished":
            document = Run(self.path).read_front() or {"points": []}
            return [point["objectives"] for point in document["points"]]
        for number in sorted(self.lines.rounds, reverse=True):
            found = self.lines.rounds[number].get("front")
            if found:
                return named_front(read_config(self.path).search.objectives, found)
        return []


def watch(
    path: Path,
    console: Console,
    once: bool,
    every: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Shows a run until it ends, or once.

    Args:
        every: seconds after which the log is read again.

    Raises:
        CheckpointError: it is no run, or it is damaged.
    """
    state = look(path)
    if state.state == "damaged":
        raise CheckpointError(state.damage[1])
    watched = Watched(state)
    if once or state.state != "running":
        left, front = watched.left, watched.front()
        for part in screen(watched.state, watched.lines.rounds, left, front):
            console.print(part)
        return
    if console.is_terminal:
        _in_place(watched, console, every, sleep)
    else:
        _by_lines(watched, console, every, sleep)
    say(console, headline(watched.look(), None))


def _in_place(
    watched: Watched, console: Console, every: float, sleep: Callable[[float], None]
) -> None:
    def shown() -> list[RenderableType]:
        rounds, left = watched.lines.rounds, watched.left
        return screen(watched.now(), rounds, left, watched.front())

    with InPlace(console) as place:
        place.show(shown())
        is_running = True
        while is_running:
            # Asked before the log is read: what it wrote last is not missed.
            is_running = bool(holder(watched.path))
            if watched.read():
                place.show(shown())
            if is_running:
                sleep(every)


def _by_lines(
    watched: Watched, console: Console, every: float, sleep: Callable[[float], None]
) -> None:
    say(console, headline(watched.now(), watched.left))
    is_running = True
    while is_running:
        # Asked before the log is read: what it wrote last is not missed.
        is_running = bool(holder(watched.path))
        for record in watched.read():
            say(console, line_of(record, watched.state.total, watched.left))
        if is_running:
            sleep(every)
