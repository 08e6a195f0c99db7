"""The encoder that a search begins with: pretrained, or new."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import at_least, distinct, divides


@dataclass(frozen=True)
class PretrainedModel:
    """A BERT, RoBERTa or XLM-R checkpoint in Hugging Face format.

    Attributes:
        path: a directory, a hub id, or `package:NAME` for weights carried by an
            installed Python package.
    """

    path: str
    kind: Literal["pretrained"] = "pretrained"
    revision: str = ""

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
