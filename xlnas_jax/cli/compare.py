"""`xlnas compare`: transfer methods side by side."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.cli.compared import names_of, require_seeds, show
from xlnas_jax.config.reading.file import load_config
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class Compare:
    """Tune the full network by several transfer methods, and test all of them.

    Nothing is searched: data, languages, model and the `train` section of the config
    count. Every method takes the same number of steps of the same number of rows; the
    first one named is what the others are held to. Killed and started again it goes on.

    Attributes:
        config: the experiment, a YAML file.
        methods: values of train.method, with commas or spaces between them; kinds of
            train.augment, by which rows are made for plain fine-tuning; `few_shot`,
            which goes on from finetune with a few labelled rows of targets, by the
            section `few_shot`; and `translate_test`, which reads what test texts are in
            the source language by the same weights, by the section `translate_test`.
        seeds: how many, from the config's own on.
        steps: of each method and seed; train.pretune_steps if not given.
        out: where everything is kept; `runs/NAME_OF_CONFIG-compared` if not given.
        set: options to change, as `section.option=value`.
        plot: a picture of methods and languages: .png, .svg or .pdf.
    """

    config: Annotated[Path, tyro.conf.Positional]
    methods: tuple[str, ...]
    seeds: int = 3
    steps: int | None = None
    out: Path | None = None
    set: tuple[str, ...] = ()
    plot: Path | None = None

    def run(self) -> None:
        """Prints tables, and writes `comparison.json` and `comparison.md`."""
        config = load_config(self.config, self.set)
        steps = config.train.pretune_steps if self.steps is None else self.steps
        if steps < 1:
            raise ConfigError(
                f"--steps: must be at least 1, or train.pretune_steps be set; got "
                f"{steps}."
            )
        require_seeds(self.seeds)
        methods = names_of(self.methods)
        # Heavy imports wait until the configuration is known to be sound.
        from xlnas_jax.comparison.compare import compare
        from xlnas_jax.comparison.tables import comparison_tables
        from xlnas_jax.devices.backend import require_platform, use_compilation_cache
        from xlnas_jax.results.alignment.plot import require_plots
        from xlnas_jax.terminal.progress import Progress

        if self.plot is not None:
            require_plots(self.plot)
        require_platform()
        use_compilation_cache()
        folder = self.out or Path("runs") / f"{self.config.stem}-compared"
        total = len(methods) * self.seeds * steps
        with Progress("start", total) as progress:
            document = compare(
                config, methods, self.seeds, steps, folder, progress, progress.say
            )
        show(document, comparison_tables(document), folder, self.plot)
