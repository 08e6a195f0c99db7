"""`xlnas init`: a commented configuration from a data file, a model and a budget."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from xlnas_jax.files import located
from xlnas_jax.terminal.text import make_console, say
from xlnas_jax.types import ConfigError

E5 = "intfloat/multilingual-e5-small"


@dataclass(frozen=True)
class Init:
    """Look at data and model, and write a configuration that can be searched.

    On a terminal what is not given is asked for. What was found out and decided is
    said; everything can be changed in the file.

    Attributes:
        model: a directory, a hub id, `package:NAME`, or `scratch` for one from nothing.
        data: one TSV, CSV or JSONL file with a column for the language; a pattern with
            `{language}` and `{split}`; or a folder with CoNLL files.
        source: the language that weights learn from; the one with the most rows if not
            given.
        targets: languages that nothing is known of before the end.
        aux: languages that choose among networks.
        budget: a share of the encoder's parameters (0.25 or 25%) or of its work
            (flops:0.25), or megabytes on disk (25MB).
        out: the file that is written.
        language_column: of a table; as the next ones, found out if not given.
        split_column: of a table; a hash of each text decides where there is none.
        text_column: of a table.
        label_column: of a table.
        pair_column: of a table with pairs of texts, that of the second one.
        overwrite: a file that is there is written over.
    """

    model: str = ""
    data: str = ""
    source: str = ""
    targets: tuple[str, ...] = ()
    aux: tuple[str, ...] = ()
    budget: str = ""
    out: Path = Path("config.yaml")
    language_column: str = ""
    split_column: str = ""
    text_column: str = ""
    label_column: str = ""
    pair_column: str = ""
    overwrite: bool = False

    def run(self) -> None:
        """Writes the file, and says what is in it and why."""
        if self.out.exists() and not self.overwrite:
            raise ConfigError(
                f"--out: {self.out} must not be there, since it may be yours; it is. "
                f"Give another name, or --overwrite."
            )
        data = self._of("data", "Data file, pattern or folder", "")
        # Heavy imports wait until it is known what is asked.
        from xlnas_jax.drafts.budget import parse_budget
        from xlnas_jax.drafts.draft import draft
        from xlnas_jax.drafts.roles import suggest
        from xlnas_jax.drafts.seen import Columns, look_at

        columns = Columns(
            self.language_column,
            self.split_column,
            self.text_column,
            self.label_column,
            self.pair_column,
        )
        seen = look_at(data, columns)
        roles = suggest(seen.rows, self.source, _codes(self.targets), _codes(self.aux))
        if sys.stdin.isatty() and not (self.source or self.targets or self.aux):
            source = self._of("source", "Source language", roles.source)
            roles = suggest(seen.rows, source)
            asked = self._of("targets", "Target languages", " ".join(roles.target))
            roles = suggest(seen.rows, source, _codes([asked]))
            asked = self._of("aux", "Auxiliary", " ".join(roles.auxiliary))
            roles = suggest(seen.rows, source, roles.target, _codes([asked]))
        model = self._of("model", "Model", E5)
        budget = parse_budget(self._of("budget", "Budget", "0.5"))
        made = draft(data, seen, roles, model, budget, self._command())
        try:
            self.out.write_text(made.text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"--out: {located(self.out)}: must be a place to write to; got: "
                f"{error.strerror or error}. Give another."
            ) from error
        console = make_console()
        for line in made.lines:
            say(console, line)
        say(console, f"Written: {self.out}. Next: xlnas search {self.out} --dry-run")

    def _of(self, option: str, what: str, usual: str) -> str:
        """What is given, else what is answered, else what is usual."""
        value = getattr(self, option)
        if value:
            return value
        if sys.stdin.isatty():
            hint = f" [{usual}]" if usual else ""
            print(f"{what}{hint}: ", end="", file=sys.stderr, flush=True)
            value = sys.stdin.readline().strip()
        value = value or (usual if option != "model" or sys.stdin.isatty() else "")
        if not value:
            raise ConfigError(
                f"--{option}: must be given where nobody can be asked; got none. Give "
                f"it, as in --{option} {E5 if option == 'model' else 'all.tsv'}."
            )
        return value

    def _command(self) -> str:
        words = ["xlnas", "init"]
        for name in ("model", "data", "source", "budget"):
            value = getattr(self, name)
            words += [f"--{name}", value] if value else []
        words += ["--targets", *self.targets] if self.targets else []
        words += ["--aux", *self.aux] if self.aux else []
        return shlex.join(words)


def _codes(given: tuple[str, ...] | list[str]) -> list[str]:
    """Codes with commas or spaces between them."""
    return [code for one in given for code in one.replace(",", " ").split()]
