"""`xlnas pretrain`: language modelling of a supernet, resumed where it was left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.file import load_as
from xlnas_jax.terminal.text import make_console, say


@dataclass(frozen=True)
class Pretrain:
    """Pretrain a supernet on plain and parallel text; resumes what a directory holds.

    The model is one that a search begins with: model: {kind: pretrained, path: MODEL}.
    Started as several processes, these work together, as those of a search do.

    Attributes:
        config: the pretraining, a YAML file.
        run_dir: where everything is written; `runs/NAME_OF_CONFIG` if not given.
        set: options to change, as `section.option=value`.
        skip_bad_rows: pass over faulty rows of data files and count them, instead of
            stopping at the first.
    """

    config: Annotated[Path, tyro.conf.Positional]
    run_dir: Path | None = None
    set: tuple[str, ...] = ()
    skip_bad_rows: bool = False

    def run(self) -> None:
        """Prints how the curves went, and the path of the model."""
        skip = ("skip_bad_rows=true",) if self.skip_bad_rows else ()
        config = load_as(Pretraining, self.config, (*self.set, *skip))
        directory = self.run_dir or Path("runs") / self.config.stem
        # Heavy imports wait until the configuration is known to be sound.
        from xlnas_jax.devices.joining import joined
        from xlnas_jax.devices.processes import is_first
        from xlnas_jax.pretraining.run import pretrain
        from xlnas_jax.pretraining.tables import curve_table

        with joined():
            model = pretrain(config, directory)
        if is_first():
            console = make_console()
            console.print(curve_table(model))
            say(console, str(model))
