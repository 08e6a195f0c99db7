"""One task of a search over several."""

from dataclasses import dataclass

from xlnas_jax.config.data import AnyData, PairsData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.ranges import positive
from xlnas_jax.config.texts import OWN, AnyTexts
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class TaskConfig:
    """One task of a search over several.

    Attributes:
        weight: factor on the task's share of the training steps.
        loss_weight: factor on the gradients of the task's steps, before their norm is
            clipped.
        language_heads: source and aux_train languages get output layers of their
            own, which add to the shared one; other languages fall back on that.
        tokens: overrides the section of the same name for this task.
        texts: where the text of `languages.unlabelled` comes from; what a language
            has in each is joined.
    """

    languages: LanguagesConfig
    data: AnyData
    weight: float = 1.0
    loss_weight: float = 1.0
    language_heads: bool = False
    tokens: TokensConfig | None = None
    texts: tuple[AnyTexts, ...] = OWN

    def __post_init__(self) -> None:
        positive(self, "weight", "loss_weight")
        require_texts(self.texts)

    @property
    def has_labels(self) -> bool:
        """Whether weights may learn from more than text: labels, or translations."""
        return not isinstance(self.data, PairsData) or bool(self.languages.aux_train)


def require_texts(texts: tuple[AnyTexts, ...]) -> None:
    """At least one place must be named."""
    if not texts:
        raise ConfigError("texts: at least one place must be named; got none.")
