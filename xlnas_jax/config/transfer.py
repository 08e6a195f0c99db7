"""Configuration of the transfer loss: its terms, and where translations come from."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import MANY, at_least, distinct, positive


@dataclass(frozen=True)
class IdPairs:
    """Rows of the task's own dev splits that have the same id in two languages.

    For data that are parallel by their ids alone, such as SIB-200, NusaX, XQuAD and
    CLDR names. Elsewhere equal ids, of line numbers for one, mean nothing.
    """

    kind: Literal["ids"] = "ids"


@dataclass(frozen=True)
class SetPairs:
    """A named parallel data set, from the folder with its original files.

    Attributes:
        split: needed where the data set has several.
    """

    name: str
    path: str
    kind: Literal["set"] = "set"
    split: Literal["", "train", "dev", "test"] = ""

    def __post_init__(self) -> None:
        distinct(self, "name", "path")


@dataclass(frozen=True)
class TransferConfig:
    """What the objective `transfer_loss` adds to the loss on auxiliary languages.

    A term whose weight is 0 is not computed, nor is what it alone would read.

    Attributes:
        gap_weight: of what the loss exceeds that on the source's dev split by.
        gap_margin: so much of it is free.
        alignment_weight: of one less the similarity of translations, between the
            source and each auxiliary language.
        alignment: `infonce` asks how well a translation is told from the other
            sentences, `cka` whether sentences lie alike up to a rotation.
        temperature: of `infonce`; lower looks at the nearest sentences only.
        pairs: translations of each auxiliary language that are used at most; all
            their vectors, of a whole population, are in memory at once.
        parallel: where the translations come from; no label of theirs is used.
    """

    gap_weight: float = 0.5
    gap_margin: float = 0.0
    alignment_weight: float = 0.5
    alignment: Literal["infonce", "cka"] = "infonce"
    temperature: float = 0.05
    pairs: int = 128
    parallel: IdPairs | SetPairs | None = None

    def __post_init__(self) -> None:
        at_least(self, 0, "gap_weight", "gap_margin", "alignment_weight")
        at_least(self, 4, "pairs", most=MANY)  # what an unbiased estimate takes
        positive(self, "temperature")
