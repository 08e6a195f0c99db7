"""What several processes do as one: open a run, remember it, speak."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from xlnas_jax.devices.processes import decide, is_first
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.run.recorded import record, require_same
from xlnas_jax.storage.rundir import AnyConfig, Run, open_run
from xlnas_jax.terminal.text import make_console, say
from xlnas_jax.types import CheckpointError


def remember(experiment: Experiment, run: Run) -> None:
    """Keeps what a run is made of; one that goes on must be made of the same."""
    if run.experiment.is_dir():
        require_same(experiment, run.experiment)
        return
    try:
        record(experiment, run.experiment)
    except OSError as error:
        raise CheckpointError(
            f"{run.experiment}: cannot be written: {error.strerror or error}. Mend "
            f"this and run the same command again."
        ) from error


@contextlib.contextmanager
def open_shared(
    directory: Path, config: AnyConfig, is_whole: bool = True
) -> Iterator[Run]:
    """The run, open in the first process; the others follow it."""
    with contextlib.ExitStack() as stack:
        opened: list[Run] = []
        entered = open_run(directory, config, is_whole)
        decide(lambda: opened.append(stack.enter_context(entered)))
        yield opened[0] if opened else Run(directory, is_writer=False)


def console() -> Console | None:
    """Where progress is shown: in other processes than the first, nowhere."""
    return None if is_first() else make_console(quiet=True)


def say_first(text: str) -> None:
    """A line on stderr, of the first process."""
    if is_first():
        say(make_console(stderr=True), text)
