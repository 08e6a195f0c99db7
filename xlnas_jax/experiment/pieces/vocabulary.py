"""What a search knows of a pretrained vocabulary that it does not keep whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.compare import Comparison
from xlnas_jax.data.tokens.trimming.cutting import Text

# Languages in messages.
_MAX_LINES = 8


@dataclass(frozen=True, eq=False)
class Trimming:
    """What importing weights needs to know.

    Attributes:
        whole: the tokenizer with all pieces.
        kept: rows of the pretrained word table, in the order of the new one.
        samples: of each language or file, some of its texts.
    """

    whole: Tokenizer
    kept: Int[np.ndarray, " kept"]
    samples: Mapping[str, Sequence[Text]]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What is known of a trimmed vocabulary.

    Attributes:
        rows: of the pretrained word table.
        checksum: of the numbers of the rows that are kept.
        languages: whose texts were counted, as the user spelled them.
        num_files: files whose texts were counted, too.
        compared: of each language or file, tokens of some of its texts.
        trimming: None where the weights need not be imported any more.
    """

    rows: int
    checksum: int
    languages: tuple[str, ...]
    num_files: int
    compared: Mapping[str, Comparison]
    trimming: Trimming | None = None

    @property
    def most_grown(self) -> tuple[str, float]:
        """Whose texts have the most tokens more, and how many, as a share."""
        name = max(self.compared, key=lambda name: self.compared[name].growth)
        return name, self.compared[name].growth

    def remarks(self) -> Iterator[str]:
        """Whose texts are cut otherwise, a line each; the most grown ones first."""
        grown = [name for name, one in self.compared.items() if one.num_others]
        grown.sort(key=lambda name: -self.compared[name].growth)
        for name in grown[:_MAX_LINES]:
            one = self.compared[name]
            old, new = one.unknown_rates
            yield (
                f"{name}: model.vocabulary leaves {100 * one.growth:.1f} % more tokens "
                f"in {one.num_texts} texts, {100 * new:.1f} % of them unknown "
                f"({100 * old:.1f} % before)"
            )
        if len(grown) > _MAX_LINES:
            yield f"{len(grown) - _MAX_LINES} more like these, with fewer tokens more"

    def as_dict(self) -> dict[str, Any]:
        """All but the trimming, as JSON has it."""
        return {
            "rows": self.rows,
            "checksum": self.checksum,
            "languages": list(self.languages),
            "num_files": self.num_files,
            "compared": {name: list(one) for name, one in self.compared.items()},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Vocabulary":
        """The inverse of `as_dict`."""
        compared = {name: Comparison(*one) for name, one in content["compared"].items()}
        languages = tuple(content["languages"])
        return cls(**{**content, "languages": languages, "compared": compared})
