"""`xlnas extend`: a pretrained model with the pieces of one more language."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class Extend:
    """Give a pretrained model pieces of a language that its tokenizer cuts to bits.

    What is written is a model in Hugging Face's format, for `xlnas pretrain`, `xlnas
    search` and `transformers`. Old pieces keep their ids and rows. Rows of new ones are
    mixtures of old rows, and nothing is trained: `xlnas pretrain` goes on from there.

    Attributes:
        model: a pretrained model as `model.path` takes it: a directory, a hub id, or
            `package:NAME`.
        out: where the new one is written.
        texts: plain UTF-8 files of the language, a text a line.
        pieces: of a vocabulary of so many pieces that is learnt from the texts, those
            are added that the model lacks.
        method: how their rows begin: by old pieces with the same neighbours in the
            texts (`overlap`, FOCUS), by old pieces with the same meaning (`aligned`,
            WECHSEL), as the `mean` of what they were cut into, or at `random`.
        pairs: for aligned: a file of texts and their translations into a language that
            the model knows, a tab between.
        vectors: for aligned, in place of pairs: two files of word vectors in
            word2vec's text format, of the new language and of a known one.
        dictionary: words of the new language and of the known one, a pair a line, by
            which vectors come into one space; not needed where they are in one.
        seed: of what is drawn.
    """

    model: Annotated[str, tyro.conf.Positional]
    out: Path
    texts: tuple[Path, ...] = ()
    pieces: int = 4000
    method: Literal["overlap", "aligned", "mean", "random"] = "overlap"
    pairs: Path | None = None
    vectors: tuple[Path, ...] = ()
    dictionary: Path | None = None
    seed: int = 0

    def run(self) -> None:
        """Prints the path of the model; what became of the texts goes to stderr."""
        self._require_sound()
        from xlnas_jax.pretraining.extending.extend import Aligned, extend_model

        aligned = Aligned(self.pairs, self.vectors, self.dictionary)
        given = self.model, self.out, self.texts, self.pieces, self.method
        facts = extend_model(*given, aligned, self.seed)
        tokens = facts["tokens"]
        by = ", ".join(f"{count:,} by {name}" for name, count in facts["by"].items())
        print(
            f"{facts['pieces']:,} pieces beside {facts['before']:,}, their rows {by}; "
            f"{tokens['after']:,} tokens in {facts['texts']:,} texts, "
            f"{tokens['unknown_after']:,} of them unknown "
            f"({tokens['before']:,} before, {tokens['unknown_before']:,} unknown)",
            file=sys.stderr,
        )
        print(self.out)

    def _require_sound(self) -> None:
        if not self.texts:
            raise ConfigError("--texts: at least one file must be given; got none.")
        if not 16 <= self.pieces <= 1 << 20:
            raise ConfigError(
                f"--pieces: must be from 16 to {1 << 20:,}; got {self.pieces}."
            )
        if self.seed < 0:
            raise ConfigError(f"--seed: must be at least 0; got {self.seed}.")
        sources = (self.pairs is not None) + bool(self.vectors)
        if sources != (self.method == "aligned"):
            raise ConfigError(
                f"--pairs, --vectors: one of them must be given for aligned, and none "
                f"for other methods; got {sources} for {self.method}."
            )
        if self.vectors and len(self.vectors) != 2:
            raise ConfigError(
                f"--vectors: two files must be given, of the new language and of a "
                f"known one; got {len(self.vectors)}."
            )
        if self.dictionary is not None and not self.vectors:
            raise ConfigError(
                "--dictionary: must stand with --vectors, which it brings into one "
                "space; got it alone. Leave it out."
            )
