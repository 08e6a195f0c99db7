"""What an experiment is: one task of it, and the whole."""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass

from xlnas_jax.config.config import Config
from xlnas_jax.config.data import PairsData
from xlnas_jax.config.evaluate import EvaluateConfig
from xlnas_jax.config.export import Dtype
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.data.examples import Source
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.experiment.pieces.vocabulary import Vocabulary
from xlnas_jax.languages.roles import LanguageRoles, Phase, Split
from xlnas_jax.objectives.objectives import SOURCE, TEACHER, Objective, needs_of
from xlnas_jax.objectives.signals import Box, knows_nothing, make_box
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.drop import DROP
from xlnas_jax.tasks.trivial import uniform_loss
from xlnas_jax.training.methods.base import hears, needs_with
from xlnas_jax.training.methods.registry import method_named, warm_up_named


def learns_from_teacher(config: Config) -> bool:
    """Whether weights learn from what the full network made of all text."""
    return "teacher" in needs_with(method_named(config.train.method), config.train)


def learns_from_translations(config: Config) -> bool:
    """Whether weights learn from translations of the training rows, and there are some.

    That a method needs them and has none is said in `taxonomy`.
    """
    method = method_named(config.train.method)
    learns = needs_with(method, config.train) | method.uses
    return "translations" in learns and config.train.translations is not None


def measures_drop(config: Config, objectives: Sequence[Objective]) -> bool:
    """Whether errors are held against the full network's."""
    return DROP in needs_of(objectives) or config.constraints.drop is not None


def starts_whole(config: Config) -> bool:
    """Whether the full network is one to learn from before it has learnt anything.

    A pretrained encoder without heads is: of retrieval, which has none.
    """
    tasks = config.every_task.values()
    is_headless = all(isinstance(task.data, PairsData) for task in tasks)
    return is_headless and isinstance(config.model, PretrainedModel)


def learns_from_text(config: Config) -> bool:
    """Whether weights learn from text without labels, in the warm-up or after it."""
    train = config.train
    is_first = train.pretune_steps > 0 and hears(warm_up_named(train.warm_up_method))
    return is_first or hears(method_named(train.method))


def measures_divergence(config: Config, objectives: Sequence[Objective]) -> bool:
    """Whether candidates are held against the full network."""
    return (
        TEACHER in needs_of(objectives)
        or bool(config.constraints.of_scores)
        or config.finalists.by != "error"
    )


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
    def learnt(self) -> tuple[int, ...]:
        """Numbers of the languages that weights see, as they stand in `roles.every`."""
        roles = self.roles
        every = (roles.source, *roles.aux_train, *roles.unlabelled)
        return tuple(sorted(roles.every.index(code) for code in every))

    @property
    def head_size(self) -> HeadSize:
        """What counting needs to know of its head."""
        task = self.task
        return HeadSize(
            task.num_outputs,
            task.reads_tokens,
            len(self.own_heads),
            task.gives_vectors,
        )


@dataclass(frozen=True, eq=False)
class Experiment:
    """The static parts of a run; see each type for what it holds.

    Attributes:
        model_licence: of the pretrained weights, where it is known from another place
            than their model card.
        vocabulary: what is kept of the pretrained one; None where it is not trimmed.
        model_origin: what these weights are, where they are not the hub's; or empty.
    """

    config: Config
    parts: tuple[TaskPart, ...]
    shape: EncoderShape
    space: SearchSpace
    costs: CostModel
    objectives: tuple[Objective, ...]
    model_licence: str | None = None
    vocabulary: Vocabulary | None = None
    model_origin: str = ""

    def with_evaluate(self, evaluate: EvaluateConfig) -> "Experiment":
        """The same, scored in another way."""
        config = dataclasses.replace(self.config, evaluate=evaluate)
        return dataclasses.replace(self, config=config)

    def with_dtype(self, dtype: Dtype) -> "Experiment":
        """The same, with weights written in another dtype, and counted so."""
        export = dataclasses.replace(self.config.export, dtype=dtype)
        config = dataclasses.replace(self.config, export=export)
        disk = self.costs.disk and dataclasses.replace(self.costs.disk, dtype=dtype)
        costs = dataclasses.replace(self.costs, disk=disk)
        return dataclasses.replace(self, config=config, costs=costs)

    @functools.cached_property
    def box(self) -> Box:
        """What hypervolumes are measured in; the same for the whole run."""
        ignorance = [
            knows_nothing(
                uniform_loss(part.task, part.tokens.max_length),
                len(self.measured(part)),
            )
            for part in self.parts
        ]
        limits, given = self.config.constraints, self.config.search.reference
        return make_box(self.objectives, self.costs, limits, ignorance, given)

    @property
    def roles(self) -> dict[str, LanguageRoles]:
        """Of each task, by name."""
        return {part.name: part.roles for part in self.parts}

    def column(self, part: TaskPart, language: str) -> str:
        """The name of one task's language: its code, after the task's if several."""
        code = part.codes[language]
        return f"{part.name}/{code}" if len(self.parts) > 1 else code

    def reads(self, part: TaskPart) -> tuple[tuple[Split, Phase, tuple[str, ...]], ...]:
        """Every split that a run reads, in which phase, of which languages."""
        roles = part.roles
        return (
            ("train", "train", (roles.source, *roles.aux_train)),
            ("dev", "train", self.watched(part)),
            ("dev", "search", self.scored(part)),
            ("test", "report", roles.all),
            ("train", "few_shot", roles.target if roles.target_rows else ()),
        )

    def watched(self, part: TaskPart) -> tuple[str, ...]:
        """Languages whose labels say how long finalists are trained."""
        stops = self.config.search.finalists and self.config.finalists.patience
        return (part.roles.source,) if stops else ()

    def scored(self, part: TaskPart) -> tuple[str, ...]:
        """Languages whose labels score candidates: auxiliary, and source if needed."""
        source = (part.roles.source,) if SOURCE in needs_of(self.objectives) else ()
        return (*part.roles.aux_heldout, *source)

    def heard(self, part: TaskPart) -> tuple[str, ...]:
        """Languages of text alone on which candidates are held against a teacher."""
        return part.roles.text_only if part.task.measures_divergence else ()

    def reads_texts(self, part: TaskPart) -> bool:
        """Whether text without labels is used of a task's languages, where named."""
        return learns_from_text(self.config) or part.task.measures_divergence

    def measured(self, part: TaskPart) -> tuple[str, ...]:
        """Languages of `Evaluation.statistics`, in the order of its columns."""
        auxiliary = len(part.roles.aux_heldout)
        scored = self.scored(part)
        return (*scored[:auxiliary], *self.heard(part), *scored[auxiliary:])

    @property
    def has_teacher(self) -> bool:
        """Whether what the full network made of all text is kept and learnt from."""
        return learns_from_teacher(self.config) or self.measures_divergence

    @property
    def measures_divergence(self) -> bool:
        """Whether candidates are held against the full network."""
        return any(part.task.measures_divergence for part in self.parts)
