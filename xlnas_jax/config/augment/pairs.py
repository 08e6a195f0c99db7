"""Where sentences that translate each other come from, for translators."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.augment.patterns import require_sides
from xlnas_jax.config.ranges import distinct
from xlnas_jax.config.transfer import SetPairs


@dataclass(frozen=True)
class OwnPairs:
    """Rows of the task's own training splits that have the same id.

    For data that are parallel by their ids alone, such as SIB-200 and NusaX. Nothing
    but text is read.
    """

    kind: Literal["ids"] = "ids"


@dataclass(frozen=True)
class FilePairs:
    """TSV or CSV files of two columns, a text and its translation, one file a pair.

    Attributes:
        path: a pattern with `{source}` and `{target}`; a file of the other direction
            serves as well.
    """

    path: str
    kind: Literal["files"] = "files"

    def __post_init__(self) -> None:
        distinct(self, "path")
        require_sides(self.path)


AnyPairs = SetPairs | OwnPairs | FilePairs
