"""Who is seen when: source, auxiliary and target languages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LanguagesConfig:
    """Who is seen when: see `languages.LanguageRoles`."""

    source: str
    aux_heldout: tuple[str, ...]
    target: tuple[str, ...]
    aux_train: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every language as it was spelled, in the order of `LanguageRoles.all`."""
        return (self.source, *self.aux_train, *self.aux_heldout, *self.target)
