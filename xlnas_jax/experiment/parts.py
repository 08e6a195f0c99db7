"""What an experiment is: one task of it, and the whole."""

import dataclasses
import functools
from dataclasses import dataclass

from xlnas_jax.config.config import Config
from xlnas_jax.config.evaluate import EvaluateConfig
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.data.examples import Source
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.languages.roles import LanguageRoles, Phase, Split
from xlnas_jax.objectives.objectives import SOURCE, Objective, needs_of
from xlnas_jax.objectives.signals import Box, knows_nothing, make_box
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.trivial import uniform_loss


@dataclass(frozen=True, eq=False)
class TaskPart:
    """One task of an experiment, with its own data, languages and head.

    Attributes:
        codes: how the user spelled each canonical language code.
        own_heads: languages with an output layer of their own, in its order.
    """

    name: str
    config: TaskConfig
    tokens: TokensConfig
    roles: LanguageRoles
    codes: dict[str, str]
    source: Source
    task: Task
    tokenizer: Tokenizer
    own_heads: tuple[str, ...]

    @property
    def head_size(self) -> HeadSize:
        """What counting needs to know of its head."""
        task = self.task
        return HeadSize(task.num_outputs, task.reads_tokens, len(self.own_heads))


@dataclass(frozen=True, eq=False)
class Experiment:
    """The static parts of a run; see each type for what it holds.

    Attributes:
        model_licence: of the pretrained weights, where it is known from another place
            than their model card.
    """

    config: Config
    parts: tuple[TaskPart, ...]
    shape: EncoderShape
    space: SearchSpace
    costs: CostModel
    objectives: tuple[Objective, ...]
    model_licence: str | None = None

    def with_evaluate(self, evaluate: EvaluateConfig) -> "Experiment":
        """The same, scored in another way."""
        config = dataclasses.replace(self.config, evaluate=evaluate)
        return dataclasses.replace(self, config=config)

    @functools.cached_property
    def box(self) -> Box:
        """What hypervolumes are measured in; the same for the whole run."""
        ignorance = [
            knows_nothing(
                uniform_loss(part.task, part.tokens.max_length), len(self.scored(part))
            )
            for part in self.parts
        ]
        limits, given = self.config.constraints, self.config.search.reference
        return make_box(self.objectives, self.costs, limits, ignorance, given)

    def column(self, part: TaskPart, language: str) -> str:
        """The name of one task's language: its code, after the task's if several."""
        code = part.codes[language]
        return f"{part.name}/{code}" if len(self.parts) > 1 else code

    def reads(self, part: TaskPart) -> tuple[tuple[Split, Phase, tuple[str, ...]], ...]:
        """Every split that a run reads, in which phase, of which languages."""
        roles = part.roles
        return (
            ("train", "train", (roles.source, *roles.aux_train)),
            ("dev", "search", self.scored(part)),
            ("test", "report", roles.all),
        )

    def scored(self, part: TaskPart) -> tuple[str, ...]:
        """Languages of `Evaluation.statistics`: auxiliary, and source if needed."""
        source = (part.roles.source,) if SOURCE in needs_of(self.objectives) else ()
        return (*part.roles.aux_heldout, *source)
