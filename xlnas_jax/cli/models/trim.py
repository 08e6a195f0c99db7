"""`xlnas trim`: an exported model with the pieces that some texts use."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class Trim:
    """Leave out of an exported model what its users' languages never use.

    Special pieces and single characters always stay. Each text that has no other pieces
    gets the logits that it got; what is not among the texts may be cut into more.

    Attributes:
        model: an exported model directory, which is left as it is.
        out: where the new one is written.
        texts: plain UTF-8 files, a text a line, of the languages to keep.
        min_count: how often the texts must use a piece.
        most: of the pieces that are used so often, so many at most, the most frequent.
        params: as many of them as a limit on parameters of the whole model allows.
        share: of the tokens of every file, the share whose pieces have a row of the
            word table of their own; no other piece is lost, but these have a few rows
            in common, so that all scores change.
        shared: how many these are.
    """

    model: Annotated[Path, tyro.conf.Positional]
    out: Path
    texts: tuple[Path, ...] = ()
    min_count: int = 1
    most: int | None = None
    params: int | None = None
    share: float = 1.0
    shared: int = 256

    def run(self) -> None:
        """Prints the path of the model; what became of the texts goes to stderr."""
        if not self.texts:
            raise ConfigError("--texts: at least one file must be given; got none.")
        if not 0 <= self.share <= 1:
            raise ConfigError(f"--share: must lie in [0, 1]; got {self.share:g}.")
        for name in ("min_count", "most", "params", "shared"):
            value = getattr(self, name)
            if value is not None and value < 1:
                option = name.replace("_", "-")
                raise ConfigError(f"--{option}: must be at least 1; got {value}.")
        from xlnas_jax.export.artifact.trim import trim_artifact
        from xlnas_jax.export.trim import Keep
        from xlnas_jax.terminal.report import Reporter

        keep = Keep(self.min_count, self.most, self.params, self.share, self.shared)
        with Reporter() as report:
            given = self.model, self.out, self.texts, keep
            path, trimmed = trim_artifact(*given, report)
        kept = trimmed.subnet.shape.vocab_size
        say = f"{kept:,} of {trimmed.rows:,} pieces"
        words = trimmed.subnet.shape.words
        if words is not None:
            say += f" with {words.table:,} rows, {words.shared:,} of them shared"
        print(f"{say}, so that there are", file=sys.stderr)
        for own, file in zip(trimmed.compared.values(), self.texts, strict=True):
            print(
                f"{100 * own.growth:5.1f} % more tokens in {own.num_texts} texts of "
                f"{file}",
                file=sys.stderr,
            )
        print(path)
