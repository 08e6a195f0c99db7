"""`xlnas average`: several exported models become their mean."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class Average:
    """Write one model whose weights are the mean of several of one architecture.

    It is as large and as fast as one of them. They must have been trained from the same
    weights, such as one search gives them with other seeds of the last training.

    Attributes:
        models: exported model directories, which are left as they are.
        out: where the mean is written; an older export is replaced.
        greedy: begin with the best model, and take in only those with which the mean
            is no worse, by dev splits of the auxiliary languages of `data`.
        data: the configuration that names them; targets take no part.
        task: of a configuration with several tasks, the one of the models.
        skip_bad_rows: pass over faulty rows; otherwise the first one is an error.
    """

    models: Annotated[tuple[Path, ...], tyro.conf.Positional]
    out: Path
    greedy: bool = False
    data: Path | None = None
    task: str = ""
    skip_bad_rows: bool = False

    def run(self) -> None:
        """Prints the path of the model; what is in it goes to stderr."""
        if self.greedy != (self.data is not None):
            raise ConfigError(
                "--greedy: needs --data, a configuration whose auxiliary languages "
                "choose, and --data is of no use without it. Give both or none."
            )
        from xlnas_jax.export.artifact.average import average_artifacts
        from xlnas_jax.terminal.report import Reporter

        given = self.data, self.task, self.skip_bad_rows
        with Reporter() as report:
            path, found = average_artifacts(self.models, self.out, *given, report)
        for model, score in zip(self.models, found.scores, strict=False):
            print(f"{score:.4f} {model}", file=sys.stderr)
        names = ", ".join(str(self.models[n]) for n in found.members)
        of = "" if found.score is None else f"{found.score:.4f} "
        print(f"{of}the mean of {names}", file=sys.stderr)
        print(path)
