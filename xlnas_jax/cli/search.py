"""`xlnas search`: a bi-level search, resumed where it was left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.config.reading.file import load_config
from xlnas_jax.terminal.text import make_console, say


@dataclass(frozen=True)
class Search:
    """Search, then report and export; resumes when the run directory holds a run.

    Started as several processes (SLURM, Open MPI, Kubernetes, TPU pods, or by hand:
    see tools/launch), these search together.

    Attributes:
        config: the experiment, a YAML file.
        run_dir: where everything is written; `runs/NAME_OF_CONFIG` if not given.
        set: options to change, as `section.option=value`.
        skip_bad_rows: pass over faulty rows of data files and count them, instead of
            stopping at the first.
        dry_run: check configuration, data, model and run directory, and stop; nothing
            is trained or written.
    """

    config: Annotated[Path, tyro.conf.Positional]
    run_dir: Path | None = None
    set: tuple[str, ...] = ()
    skip_bad_rows: bool = False
    dry_run: bool = False

    def run(self) -> None:
        """Prints the final table and the path of the exported model."""
        skip = ("skip_bad_rows=true",) if self.skip_bad_rows else ()
        config = load_config(self.config, (*self.set, *skip))
        directory = self.run_dir or Path("runs") / self.config.stem
        # Heavy imports wait until the configuration is known to be sound.
        if self.dry_run:
            from xlnas_jax.run.rehearsal import rehearse

            warn = make_console(stderr=True)
            for line in rehearse(config, directory, lambda line: say(warn, line)):
                say(make_console(), line)
            return
        from xlnas_jax import api
        from xlnas_jax.devices.processes import is_first
        from xlnas_jax.results.tables import print_results

        found = api.search(config, directory, show=True)
        if is_first():
            print_results(make_console(), found.document, found.folder, found.model)
