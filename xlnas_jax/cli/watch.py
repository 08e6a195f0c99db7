"""`xlnas watch`: a running or finished run on the terminal."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.terminal.text import make_console
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class Watch:
    """Follow a run: rounds, time left, losses, what was rejected, hypervolume, front.

    On a terminal it is shown in place, elsewhere a line a round. It ends with the run,
    or by Ctrl-C, and never touches the run.

    Attributes:
        run_dir: the directory that `xlnas search` or `xlnas pretrain` writes.
        once: show how it stands, and end.
        every: seconds after which it is looked at again.
    """

    run_dir: Annotated[Path, tyro.conf.Positional]
    once: bool = False
    every: float = 2.0

    def run(self) -> None:
        """Shows the run until it ends."""
        if not 0.1 <= self.every <= 3600:
            raise ConfigError(
                f"--every: must be between 0.1 and 3600 seconds; got {self.every}."
            )
        from xlnas_jax.watching.follow import watch

        # An interrupt ends the watching, which is all that it was asked to.
        with contextlib.suppress(KeyboardInterrupt):
            watch(self.run_dir, make_console(), self.once, self.every)
