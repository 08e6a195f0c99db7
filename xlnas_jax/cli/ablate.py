"""`xlnas ablate`: which part of the engine earns its place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.cli.compared import names_of, require_seeds, show
from xlnas_jax.config.reading.file import load_config
from xlnas_jax.terminal.text import make_console, say


@dataclass(frozen=True)
class Ablate:
    """Search with all parts of the engine, and without each of them.

    Every search is a run directory of its own, and what it exports is compared on the
    same test items. Killed and started again it goes on, within a search too.

    Attributes:
        config: the experiment, a YAML file.
        parts: what is left out, one at a time, with commas or spaces between them; all
            that the experiment has if none: alignment, text, adapt, width, depth,
            strategy, objectives, limits, method, augment, tuning, seeds, order.
        seeds: how many, from the config's own on.
        out: where everything is kept; `runs/NAME_OF_CONFIG-ablated` if not given.
        set: options to change, as `section.option=value`.
        plot: a picture of parts and languages: .png, .svg or .pdf.
    """

    config: Annotated[Path, tyro.conf.Positional]
    parts: tuple[str, ...] = ()
    seeds: int = 3
    out: Path | None = None
    set: tuple[str, ...] = ()
    plot: Path | None = None

    def run(self) -> None:
        """Prints tables, and writes `comparison.json` and `comparison.md`."""
        config = load_config(self.config, self.set)
        require_seeds(self.seeds)
        parts = names_of(self.parts)
        # Heavy imports wait until the configuration is known to be sound.
        from xlnas_jax.comparison.ablate import ablate
        from xlnas_jax.comparison.tables import ablation_tables
        from xlnas_jax.results.alignment.plot import require_plots

        if self.plot is not None:
            require_plots(self.plot)
        folder = self.out or Path("runs") / f"{self.config.stem}-ablated"
        errors = make_console(stderr=True)
        document = ablate(
            config, parts, self.seeds, folder, lambda line: say(errors, line)
        )
        show(document, ablation_tables(document), folder, self.plot)
