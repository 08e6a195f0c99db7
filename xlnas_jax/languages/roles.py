"""Who may be seen when: the guard between a search and its target languages.

Before a search, in phase `check`, every split of every language is looked at, so that
no faulty row ends it after the last round. What is seen then is form alone, by
`data.sources.inspect`: how many rows there are and how many have each label, whichever
have it. No example is given out, so no label of one; in that phase `require` refuses
every language, the source included.

After the choice, in phase `few_shot`, rows of targets' train splits may train the
picked network, where the section `few_shot` asks for some and nowhere else.
"""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.languages.codes import normalise
from xlnas_jax.types import ConfigError, LeakError

Phase = Literal["check", "train", "search", "select", "report", "few_shot"]
Split = Literal["train", "dev", "test"]


@dataclass(frozen=True)
class LanguageRoles:
    """The part each language plays; no language plays two.

    Attributes:
        source: labelled language the weights learn from.
        aux_train: further languages the weights may learn from.
        aux_heldout: labelled languages that only score candidates.
        target: languages whose labels are read once, for the final report.
        unlabelled: languages whose text is used without labels; of those that score
            candidates, the training split, and so of targets where `target_text`
            allows it. Of all others no label can be read, whatever the phase.
        target_rows: labelled rows of each target's train split that the picked network
            may learn from, in phase `few_shot`.
    """

    source: str
    aux_train: tuple[str, ...]
    aux_heldout: tuple[str, ...]
    target: tuple[str, ...]
    unlabelled: tuple[str, ...] = ()
    target_text: bool = False
    target_rows: int = 0

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
        self._check_unlabelled(seen)

    def _check_unlabelled(self, seen: dict[str, str]) -> None:
        """Each once, and only of languages whose text is not used anyway."""
        if len(set(self.unlabelled)) != len(self.unlabelled):
            raise ConfigError(
                f"languages.unlabelled: every language must stand once; got "
                f"{list(self.unlabelled)}. Remove the second of two."
            )
        for language in self.unlabelled:
            role = seen.get(language, "")
            if role in ("source", "aux_train"):
                raise ConfigError(
                    f"languages.unlabelled: must name languages that weights do not "
                    f"learn from with labels; got {language!r}, which is in {role}. "
                    f"Remove it from one of the two."
                )
            if role == "target" and not self.target_text:
                raise ConfigError(
                    f"languages.unlabelled: text of a target may be used only where "
                    f"languages.target_text is true, which every result then says; "
                    f"got {language!r}. Set it, or remove the language."
                )

    @classmethod
    def from_config(
        cls, config: LanguagesConfig, target_rows: int = 0
    ) -> "LanguageRoles":
        """Roles with canonical codes, so that `eng` and `en` cannot differ."""
        return cls(
            source=normalise(config.source),
            aux_train=tuple(normalise(code) for code in config.aux_train),
            aux_heldout=tuple(normalise(code) for code in config.aux_heldout),
            target=tuple(normalise(code) for code in config.target),
            unlabelled=tuple(normalise(code) for code in config.unlabelled),
            target_text=config.target_text,
            target_rows=target_rows,
        )

    @property
    def all(self) -> tuple[str, ...]:
        """Every language once: source, auxiliary, target."""
        return tuple(language for _, language in self._assignments())

    @property
    def text_only(self) -> tuple[str, ...]:
        """Languages of `unlabelled` that have no other role."""
        return tuple(code for code in self.unlabelled if code not in self.all)

    @property
    def translated(self) -> tuple[str, ...]:
        """Languages that training rows may be translated into."""
        return (*self.aux_train, *self.unlabelled)

    @property
    def every(self) -> tuple[str, ...]:
        """Every language once: those of `all`, then those of text alone."""
        return (*self.all, *self.text_only)

    def role_of(self, language: str) -> str:
        """Name of the role of a language, or a `ConfigError` if it has none."""
        code = normalise(language)
        for role, other in self._assignments():
            if other == code:
                return role
        if code in self.unlabelled:
            return "unlabelled"
        raise ConfigError(
            f"languages: only a language with a role may be read; got {language!r}. "
            f"The languages of this run are {', '.join(self.every)}."
        )

    def split_of(self, language: str) -> Split:
        """The split whose text says what a language's role looks at, without labels."""
        splits: dict[str, Split] = {"aux_heldout": "dev", "target": "test"}
        return splits.get(self.role_of(language), "train")

    def require(self, language: str, split: Split, phase: Phase) -> None:
        """Raise `LeakError` unless labels of this split may be seen in this phase.

        Nothing may be in phase `check`, which sees form alone. Targets are for the
        report, whatever the split, and in phase `few_shot`, which sees nothing else,
        for their train split where `target_rows` allows it; held-out auxiliary
        languages, and test splits of any language, never train weights.
        """
        role = self.role_of(language)
        if phase == "check":
            raise LeakError(
                f"examples may be read in phases that use them only; got split "
                f"{split!r} of {language!r} in phase 'check', which sees the form of "
                f"the data alone. Use data.sources.inspect."
            )
        if role == "unlabelled":
            raise LeakError(
                f"labels of unlabelled languages are never read; got split {split!r} "
                f"of {language!r} in phase {phase!r}. Read its text alone, or give "
                f"the language another role."
            )
        if phase == "few_shot":
            self._require_few_shot(language, split, role)
            return
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

    def _require_few_shot(self, language: str, split: Split, role: str) -> None:
        if not self.target_rows:
            raise LeakError(
                f"labels of targets train a network only where few_shot.rows is above "
                f"0, which every result then says; got split {split!r} of {language!r} "
                f"in phase 'few_shot'. Set it, or leave its labels alone."
            )
        if role != "target" or split != "train":
            raise LeakError(
                f"phase 'few_shot' may see train splits of target languages only; got "
                f"split {split!r} of {language!r} ({role}). Its targets are "
                f"{', '.join(self.target)}."
            )

    def require_text(self, language: str) -> None:
        """Raise `LeakError` unless text of a language may be used without labels."""
        code = normalise(language)
        if code not in self.unlabelled:
            raise LeakError(
                f"text without labels may be used of languages.unlabelled only, which "
                f"are {', '.join(self.unlabelled) or 'none'}; got {language!r}. Add "
                f"the language there."
            )

    def require_translation(self, language: str) -> None:
        """Raise `LeakError` unless training rows may be translated into a language.

        Text is all that a translation is: it has the label of the row that it is of.
        """
        code = normalise(language)
        if code not in self.translated:
            raise LeakError(
                f"training rows may be translated into languages.aux_train and "
                f"languages.unlabelled only, which are "
                f"{', '.join(self.translated) or 'none'}; got {language!r}. Add the "
                f"language to languages.unlabelled."
            )

    def require_passage(self, language: str) -> None:
        """Raise `LeakError` unless training rows may go through a language and back.

        Nothing of a language without a role comes out again. Those with one keep to
        it: what a translator knows of them is text of theirs.
        """
        code = normalise(language)
        if code == self.source:
            raise ConfigError(
                f"training rows must go through another language than their own; got "
                f"{language!r}. Name another one."
            )
        if code in self.all:
            self.require_translation(code)

    def _assignments(self) -> tuple[tuple[str, str], ...]:
        groups = (
            ("source", (self.source,)),
            ("aux_train", self.aux_train),
            ("aux_heldout", self.aux_heldout),
            ("target", self.target),
        )
        return tuple((role, code) for role, codes in groups for code in codes)
