"""Where text without labels comes from."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import MANY, at_least, distinct


@dataclass(frozen=True)
class OwnTexts:
    """The training split of the task's own data, without its labels.

    Attributes:
        limit: how many texts of a language are used at most. They are drawn by a hash
            of the text, so that languages of a parallel set differ in them.
    """

    kind: Literal["own"] = "own"
    limit: int | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "limit", most=MANY)


@dataclass(frozen=True)
class SetTexts:
    """A named data set, of any task or parallel, from its folder; text alone is read.

    Attributes:
        split: needed where a parallel data set has several; of others it is `train`.
        limit: as of `OwnTexts`.
    """

    name: str
    path: str
    kind: Literal["set"] = "set"
    split: Literal["", "train", "dev"] = ""
    limit: int | None = None

    def __post_init__(self) -> None:
        distinct(self, "name", "path")
        at_least(self, 1, "limit", most=MANY)


@dataclass(frozen=True)
class LineTexts:
    """Plain text files, one text a line, one file a language.

    Attributes:
        path: a pattern with `{language}`.
        limit: as of `OwnTexts`.
    """

    path: str
    kind: Literal["lines"] = "lines"
    limit: int | None = None

    def __post_init__(self) -> None:
        distinct(self, "path")
        at_least(self, 1, "limit", most=MANY)


AnyTexts = OwnTexts | SetTexts | LineTexts
OWN: tuple[AnyTexts, ...] = (OwnTexts(),)
