"""`xlnas ablate`: which part of the engine earns its place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.config.reading.file import load_config
from xlnas_jax.terminal.text import make_console, say
from xlnas_jax.types import ConfigError

_MOST_SEEDS = 100


@dataclass(frozen=True)
class Ablate:
    """Search with all parts of the engine, and without each of them.

    Every search is a run directory of its own, and what it exports is compared on the
    same test items. Killed and started again it goes on, within a search too.

    Attributes:
        config: the experiment, a YAML file.
        parts: what is left out, one at a time, with commas or spaces between them; all
            that the experiment has if none: alignment, text, adapt, width, depth,
            strategy, objectives, limits, method, tuning, seeds, order.
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
        if not 1 <= self.seeds <= _MOST_SEEDS:
            raise ConfigError(
                f"--seeds: must be between 1 and {_MOST_SEEDS}; got {self.seeds}."
            )
        parts = [one for part in self.parts for one in part.split(",") if one]
        # Heavy imports wait until the configuration is known to be sound.
        from xlnas_jax.comparison.ablate import ablate
        from xlnas_jax.comparison.plot import plot_comparison
        from xlnas_jax.comparison.tables import ablation_tables, to_markdown
        from xlnas_jax.files import write_text
        from xlnas_jax.results.alignment.plot import require_plots

        if self.plot is not None:
            require_plots(self.plot)
        folder = self.out or Path("runs") / f"{self.config.stem}-ablated"
        errors, console = make_console(stderr=True), make_console()
        document = ablate(
            config, parts, self.seeds, folder, lambda line: say(errors, line)
        )
        tables = list(ablation_tables(document))
        for table in tables:
            console.print(table)
        write_text(folder / "comparison.md", to_markdown(tables))
        if self.plot is not None:
            plot_comparison(document, self.plot)
        say(console, f"Written: {folder}/comparison.json and comparison.md")
