"""Who is seen when: source, auxiliary and target languages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LanguagesConfig:
    """Who is seen when: see `languages.LanguageRoles`.

    Attributes:
        unlabelled: languages whose text is used, never a label; those that score
            candidates may be among them, and with `target_text` targets too.
        target_text: targets may be among `unlabelled`; every result says so.
    """

    source: str
    aux_heldout: tuple[str, ...]
    target: tuple[str, ...]
    aux_train: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    target_text: bool = False

    @property
    def all(self) -> tuple[str, ...]:
        """Every language as it was spelled, in the order of `LanguageRoles.all`."""
        return (self.source, *self.aux_train, *self.aux_heldout, *self.target)

    @property
    def every(self) -> tuple[str, ...]:
        """The same, then `unlabelled`, with which it may share languages."""
        return (*self.all, *self.unlabelled)
