"""The encoder that a search begins with: pretrained, or new."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import (
    MAX_STEPS,
    at_least,
    distinct,
    divides,
    positive,
)


@dataclass(frozen=True)
class VocabularyConfig:
    """Which pieces of a pretrained vocabulary are kept, by the texts that use them.

    Texts are those of train and dev splits, of `languages.unlabelled`, and of files;
    never of a test split, and never labels. So the texts of a target language may
    decide, too: the model card says whose did. Translations that alignment is measured
    on decide nothing. Special pieces and single characters always stay, and what kept
    pieces are merged from. With all defaults these texts have the tokens they had.

    Attributes:
        min_count: how often texts must use a piece.
        most: of the pieces that are used so often, and do not stay anyway, so many
            are kept, the most frequent ones; all if absent.
        languages: whose texts, of those that the data have; all languages of the run
            if none is given.
        files: further plain UTF-8 texts, one a line.
        shared: where networks may differ in it (`space.vocabulary`), rows that pieces
            without one of their own have in common.
    """

    min_count: int = 1
    most: int | None = None
    languages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    shared: int = 256

    def __post_init__(self) -> None:
        at_least(self, 1, "min_count", "most")
        at_least(self, 1, "shared", most=2**17)
        distinct(
            self, *(name for name in ("languages", "files") if getattr(self, name))
        )

    @property
    def is_exact(self) -> bool:
        """Whether every piece stays that the texts use."""
        return self.min_count == 1 and self.most is None


@dataclass(frozen=True)
class NarrowConfig:
    """A pretrained encoder with fewer hidden dimensions; all networks then have these.

    Dimensions and heads with the longest weights are left, and what the encoder gave
    there is learnt again before anything else: by a distance to the hidden vectors of
    every layer of the full encoder, on the texts that weights learn from, without
    labels.

    Attributes:
        width: hidden size that is left; a multiple of the size of a head, of which as
            many are left as fit.
        steps: so many batches of it are learnt again by; 0: it stays as it was cut.
        learning_rate: of these steps; it goes by `train.schedule`.
    """

    width: int
    steps: int = 1000
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        at_least(self, 1, "width", most=2**14)
        at_least(self, 0, "steps", most=MAX_STEPS)
        positive(self, "learning_rate")


@dataclass(frozen=True)
class PretrainedModel:
    """A BERT, RoBERTa or XLM-R checkpoint in Hugging Face format.

    Attributes:
        path: a directory, a hub id, or `package:NAME` for weights carried by an
            installed Python package.
        vocabulary: which pieces of its vocabulary are kept; all if absent.
        narrow: fewer hidden dimensions; all if absent.
    """

    path: str
    kind: Literal["pretrained"] = "pretrained"
    revision: str = ""
    vocabulary: VocabularyConfig | None = None
    narrow: NarrowConfig | None = None

    def __post_init__(self) -> None:
        distinct(self, "path")


@dataclass(frozen=True)
class ScratchModel:
    """A new encoder, with a Unigram tokenizer trained on the training text."""

    kind: Literal["scratch"] = "scratch"
    layers: int = 4
    width: int = 128
    heads: int = 4
    ffn: int = 512
    vocab_size: int = 4000

    def __post_init__(self) -> None:
        at_least(self, 1, "layers", most=1024)
        at_least(self, 1, "width", "heads", most=2**14)
        at_least(self, 1, "ffn", most=2**17)
        at_least(self, 1, "vocab_size", most=2**23)
        divides(self, "heads", "width")
