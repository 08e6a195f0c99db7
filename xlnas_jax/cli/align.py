"""`xlnas align`: how alike languages lie inside an encoder, layer by layer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.config.reading.file import load_config
from xlnas_jax.terminal.text import make_console
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class Align:
    """Measure on translations how alike each language is to the source, by layer.

    Translations are those of `transfer.parallel`, or rows of dev splits with the same
    id; labels are not read. The encoder is the configured one, before any training.

    Attributes:
        config: the experiment, a YAML file.
        set: options to change, as `section.option=value`.
        language: languages of the config to measure; all but the source if none.
        pairs: translations of each language that are used at most.
        out: a JSON file for all numbers.
        plot: a picture of languages and layers: .png, .svg or .pdf.
    """

    config: Annotated[Path, tyro.conf.Positional]
    set: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    pairs: int = 200
    out: Path | None = None
    plot: Path | None = None

    def run(self) -> None:
        """Prints tables; trains nothing."""
        from xlnas_jax.data.pairs import MIN_PAIRS
        from xlnas_jax.experiment.prepare import prepare
        from xlnas_jax.experiment.weights import import_params
        from xlnas_jax.files import write_json
        from xlnas_jax.languages.codes import normalise
        from xlnas_jax.results.alignment.measured import measure_alignment, to_document
        from xlnas_jax.results.alignment.plot import plot_alignment, require_plots
        from xlnas_jax.results.alignment.tables import alignment_tables
        from xlnas_jax.terminal.report import Reporter

        if self.pairs < MIN_PAIRS:
            raise ConfigError(
                f"--pairs: must be at least {MIN_PAIRS}; got {self.pairs}."
            )
        if self.plot is not None:
            require_plots(self.plot)
        experiment = prepare(load_config(self.config, self.set))
        part = experiment.parts[0]
        every = dict.fromkeys((*part.roles.all[1:], *part.roles.unlabelled))
        asked = [normalise(code) for code in self.language] or list(every)
        params = import_params(experiment).of_task(part.name)
        given = experiment, part, params, asked, self.pairs
        with Reporter() as report:
            found = measure_alignment(*given, report)
        console = make_console()
        for table in alignment_tables(part, found):
            console.print(table)
        if self.out is not None:
            model = experiment.config.model
            name = getattr(model, "path", model.kind)
            write_json(self.out, to_document(part, name, found))
        if self.plot is not None:
            plot_alignment(part, found, self.plot)
