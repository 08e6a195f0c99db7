"""Who may be seen when: the guard between a search and its target languages.

Before a search, in phase `check`, every split of every language is looked at, so that
no faulty row ends it after the last round. What is seen then is form alone, by
`data.sources.inspect`: how many rows there are and how many have each label, whichever
have it. No example is given out, so no label of one; in that phase `require` refuses
every language, the source included.
"""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.languages.codes import normalise
from xlnas_jax.types import ConfigError, LeakError

Phase = Literal["check", "train", "search", "select", "report"]
Split = Literal["train", "dev", "test"]


@dataclass(frozen=True)
class LanguageRoles:
    """The part each language plays; no language plays two.

    Attributes:
        source: labelled language the weights learn from.
        aux_train: further languages the weights may learn from.
        aux_heldout: labelled languages that only score candidates.
        target: languages whose labels are read once, for the final report.
    """

    source: str
    aux_train: tuple[str, ...]
    aux_heldout: tuple[str, ...]
    target: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.aux_heldout:
            raise ConfigError(
                "languages.aux_heldout: at least one language must score the "
                "candidates; got none. Name a language with labels that is "
                "neither source nor target."
            )
        seen: dict[str, str] = {}
        for role, language in self._assignments():
            if language in seen:
                raise ConfigError(
                    f"languages: every language must have exactly one role; got "
                    f"{language!r} in {seen[language]} and in {role}. Remove one."
                )
            seen[language] = role

    @classmethod
    def from_config(cls, config: LanguagesConfig) -> "LanguageRoles":
        """Roles with canonical codes, so that `eng` and `en` cannot differ."""
        return cls(
            source=normalise(config.source),
            aux_train=tuple(normalise(code) for code in config.aux_train),
            aux_heldout=tuple(normalise(code) for code in config.aux_heldout),
            target=tuple(normalise(code) for code in config.target),
        )

    @property
    def all(self) -> tuple[str, ...]:
        """Every language once: source, auxiliary, target."""
        return tuple(language for _, language in self._assignments())

    def role_of(self, language: str) -> str:
        """Name of the role of a language, or a `ConfigError` if it has none."""
        code = normalise(language)
        for role, other in self._assignments():
            if other == code:
                return role
        raise ConfigError(
            f"languages: only a language with a role may be read; got {language!r}. "
            f"The languages of this run are {', '.join(self.all)}."
        )

    def require(self, language: str, split: Split, phase: Phase) -> None:
        """Raise `LeakError` unless labels of this split may be seen in this phase.

        Nothing may be in phase `check`, which sees form alone. Targets are for the
        report, whatever the split; held-out auxiliary
        languages, and test splits of any language, never train weights.
        """
        role = self.role_of(language)
        if phase == "check":
            raise LeakError(
                f"examples may be read in phases that use them only; got split "
                f"{split!r} of {language!r} in phase 'check', which sees the form of "
                f"the data alone. Use data.sources.inspect."
            )
        if role == "target" and phase != "report":
            raise LeakError(
                f"labels of target languages may be read in phase 'report' only; "
                f"got split {split!r} of {language!r} in phase {phase!r}. Score "
                f"candidates on languages.aux_heldout: {', '.join(self.aux_heldout)}."
            )
        if phase == "train" and (role == "aux_heldout" or split == "test"):
            raise LeakError(
                f"weights may learn from the train and dev splits of source and "
                f"aux_train languages only; got split {split!r} of {language!r} "
                f"({role}) in phase 'train'. Train on {self.source}, or move the "
                f"language to languages.aux_train."
            )

    def _assignments(self) -> tuple[tuple[str, str], ...]:
        groups = (
            ("source", (self.source,)),
            ("aux_train", self.aux_train),
            ("aux_heldout", self.aux_heldout),
            ("target", self.target),
        )
        return tuple((role, code) for role, codes in groups for code in codes)
