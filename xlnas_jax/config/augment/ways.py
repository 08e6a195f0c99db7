"""What is made of training rows: more of them, or others in their place."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.augment.translators import AnyTranslator
from xlnas_jax.config.ranges import distinct, fraction, positive
from xlnas_jax.types import ConfigError

# Beyond what adding decimal fractions is wrong by.
_EXACT = 1e-9


@dataclass(frozen=True)
class CodeSwitch:
    """Words of a row stand in other languages.

    Attributes:
        translator: whose words they are.
        languages: of which a word is in one; empty: all of `aux_train` and
            `unlabelled`.
        rate: the probability of each word that has a translation to be switched.
        sentence_rate: that of a row, which else stays as it is.
        share: of the training rows of the source, how many this is made of. Shares of
            all entries together are at most 1: no row serves twice.
        mode: `add` rows, or `replace` those that they are made of.
        answers: whether words within an answer are switched, which then is what
            stands there, or `keep`.
    """

    translator: AnyTranslator
    kind: Literal["code_switch"] = "code_switch"
    languages: tuple[str, ...] = ()
    rate: float = 0.5
    sentence_rate: float = 1.0
    share: float = 1.0
    mode: Literal["add", "replace"] = "add"
    answers: Literal["switch", "keep"] = "switch"

    def __post_init__(self) -> None:
        _check(self, "rate", "sentence_rate")


@dataclass(frozen=True)
class Paraphrase:
    """Words of a row are others that have a translation in common with them.

    Attributes:
        translator: of words, there and back.
        languages: of which the translation is in one; see `CodeSwitch`.
        rate, sentence_rate, share, mode, answers: as of `CodeSwitch`.
    """

    translator: AnyTranslator
    kind: Literal["paraphrase"] = "paraphrase"
    languages: tuple[str, ...] = ()
    rate: float = 0.5
    sentence_rate: float = 1.0
    share: float = 1.0
    mode: Literal["add", "replace"] = "add"
    answers: Literal["switch", "keep"] = "switch"

    def __post_init__(self) -> None:
        _check(self, "rate", "sentence_rate")


@dataclass(frozen=True)
class BackTranslation:
    """A row is what its translation is in the source language again.

    Rows that come back as they were, or that do not pass the filter, are left out and
    counted; so are those of which a tag or answer is not found again.

    Attributes:
        translator: of texts, there and back.
        languages: through one of which each row goes; see `CodeSwitch`.
        overlap: the share of words that a text and its return must have in common
            (F1).
        ratio: one of them must not be longer than the other by more than this factor.
        share, mode: as of `CodeSwitch`.
    """

    translator: AnyTranslator
    kind: Literal["back_translation"] = "back_translation"
    languages: tuple[str, ...] = ()
    overlap: float = 0.3
    ratio: float = 2.0
    share: float = 1.0
    mode: Literal["add", "replace"] = "add"

    def __post_init__(self) -> None:
        _check(self, "overlap")
        if not 1 <= self.ratio <= 100:
            raise ConfigError(
                f"ratio: must lie in [1, 100], the longer over the shorter; got "
                f"{self.ratio:g}."
            )


AnyWay = CodeSwitch | Paraphrase | BackTranslation


def require_shares(ways: tuple[AnyWay, ...]) -> None:
    """An error where rows would serve twice."""
    total = sum(one.share for one in ways)
    if total > 1 + _EXACT:
        raise ConfigError(
            f"augment: the shares of all entries must add up to at most 1, since no "
            f"row serves twice; got {total:g}. Give each entry its share, as in "
            f"share: {1 / len(ways):.2g}."
        )


def _check(config: AnyWay, *fractions: str) -> None:
    fraction(config, *fractions)
    positive(config, "share", most=1)
    if config.languages:
        distinct(config, "languages")
