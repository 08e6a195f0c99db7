"""`xlnas describe`: what a configuration spans, before anything is trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.config.reading.file import load_config
from xlnas_jax.terminal.text import make_console


@dataclass(frozen=True)
class Describe:
    """Show the space, its costs, what the limits leave, languages, rows and labels.

    Attributes:
        config: the experiment, a YAML file.
        set: options to change, as `section.option=value`.
        run_dir: a run of it; the latency that was measured there is shown too.
        skip_bad_rows: pass over faulty rows of data files and count them, instead of
            stopping at the first.
    """

    config: Annotated[Path, tyro.conf.Positional]
    set: tuple[str, ...] = ()
    run_dir: Path | None = None
    skip_bad_rows: bool = False

    def run(self) -> None:
        """Prints tables; trains nothing."""
        skip = ("skip_bad_rows=true",) if self.skip_bad_rows else ()
        config = load_config(self.config, (*self.set, *skip))
        from xlnas_jax.calibration.settle_latency import restore_latency
        from xlnas_jax.experiment.prepare import prepare
        from xlnas_jax.results.description import describe
        from xlnas_jax.storage.rundir import read_measured
        from xlnas_jax.terminal.report import Reporter

        experiment = prepare(config)
        if self.run_dir is not None:
            measured = read_measured(self.run_dir)
            experiment = restore_latency(experiment, measured)
        with Reporter() as report:
            tables = describe(experiment, report)
        console = make_console()
        for table in tables:
            console.print(table)
