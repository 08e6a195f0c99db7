"""Who is seen when: source, auxiliary and target languages."""

from dataclasses import asdict, dataclass, field

from xlnas_jax.config.ranges import at_least, distinct
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class DistanceConfig:
    """What each kind of distance between two languages counts in that of all.

    Where a kind is known of few features it counts less, in proportion; where it is
    not known, not at all.

    Attributes:
        syntactic, phonological, inventory: features of URIEL+ that are known of both.
        genetic: how deep their last common ancestor lies.
        geographic: where they are spoken.
        script: whether they are written in the same one.
        subwords: the share of tokens that do not occur in the other's text.
    """

    syntactic: float = 0.4
    phonological: float = 0.05
    inventory: float = 0.15
    genetic: float = 0.2
    geographic: float = 0.0
    script: float = 0.1
    subwords: float = 0.1

    def __post_init__(self) -> None:
        at_least(self, 0, *asdict(self))
        if not any(asdict(self).values()):
            raise ConfigError(
                "languages.distance: some kind must count; all are 0. Leave the "
                "section out for the usual weights."
            )


@dataclass(frozen=True)
class ChooseConfig:
    """Auxiliary languages by how near they are to the targets.

    Those are taken that together are nearest to all targets, by `distance`.

    Attributes:
        pool: languages with labels that may be chosen. count: how many are.
    """

    pool: tuple[str, ...]
    count: int = 4

    def __post_init__(self) -> None:
        distinct(self, "pool")
        at_least(self, 1, "count", most=len(self.pool))


@dataclass(frozen=True)
class LanguagesConfig:
    """Who is seen when: see `languages.LanguageRoles`.

    Attributes:
        unlabelled: languages whose text is used, never a label; those that score
            candidates may be among them, and with `target_text` targets too.
        target_text: targets may be among `unlabelled`; every result says so.
        distance: what counts in the distance between two of them.
        choose: languages of which some become `aux_heldout`, which then is empty.
    """

    source: str
    aux_heldout: tuple[str, ...]
    target: tuple[str, ...]
    aux_train: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    target_text: bool = False
    distance: DistanceConfig = field(default_factory=DistanceConfig)
    choose: ChooseConfig | None = None

    def __post_init__(self) -> None:
        if self.choose and self.aux_heldout:
            raise ConfigError(
                f"languages.choose: aux_heldout must be empty where it is chosen; got "
                f"{list(self.aux_heldout)}. Leave out one of the two."
            )
        if self.choose and set(self.choose.pool) & {
            self.source,
            *self.aux_train,
            *self.target,
        }:
            raise ConfigError(
                f"languages.choose: the pool must hold languages without another role; "
                f"got {list(self.choose.pool)}. Remove the source, those that are "
                f"trained on and the targets."
            )

    @property
    def all(self) -> tuple[str, ...]:
        """Every language as it was spelled, in the order of `LanguageRoles.all`."""
        return (self.source, *self.aux_train, *self.aux_heldout, *self.target)

    @property
    def every(self) -> tuple[str, ...]:
        """The same, then `unlabelled`, with which it may share languages."""
        return (*self.all, *self.unlabelled)
