"""`xlnas describe`: what a configuration spans, before anything is trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from xlnas_jax.config_file import load_config


@dataclass(frozen=True)
class Describe:
    """Show the size of the space, its costs, what the limits leave, and languages.

    Attributes:
        config: the experiment, a YAML file.
        set: options to change, as `section.option=value`.
    """

    config: Annotated[Path, tyro.conf.Positional]
    set: tuple[str, ...] = ()

    def run(self) -> None:
        """Prints three tables; trains nothing."""
        config = load_config(self.config, self.set)
        from xlnas_jax.description import describe
        from xlnas_jax.experiment import prepare

        console = Console()
        for table in describe(prepare(config)):
            console.print(table)
