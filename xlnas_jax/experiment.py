"""From a configuration to everything static, in the order that fails fastest.

`prepare` reads only what it needs to say that a search can or cannot be run;
weights and token arrays come after it.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xlnas_jax.config import (
    Config,
    EvaluateConfig,
    PretrainedModel,
    ScratchModel,
    TaskConfig,
    TokensConfig,
)
from xlnas_jax.data import sources
from xlnas_jax.data.batches import scoring_batches, training_batches
from xlnas_jax.data.buckets import BucketPlan
from xlnas_jax.data.examples import AnyExamples, Source
from xlnas_jax.data.pairs import PairBatches, make_pair_batches, read_translations
from xlnas_jax.data.published import require_agreement
from xlnas_jax.data.rows import Rows, make_example_rows, with_max_length
from xlnas_jax.data.tokens import (
    Tokenizer,
    load_tokenizer,
    require_ids_within,
    warn,
)
from xlnas_jax.data.unigram import train_tokenizer
from xlnas_jax.languages import LanguageRoles, Phase, Split
from xlnas_jax.objectives import (
    ALIGNMENT,
    SOURCE,
    Objective,
    make_objectives,
    needs_of,
)
from xlnas_jax.signals import Box, knows_nothing, make_box
from xlnas_jax.space.constraints import require_feasible
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.knobs import make_space
from xlnas_jax.space.latency import LATENCY
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet import pretrained
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.qa import make_qa
from xlnas_jax.tasks.tagging import make_tagging
from xlnas_jax.tasks.trivial import uniform_loss
from xlnas_jax.taxonomy import require_sense
from xlnas_jax.types import Batch, ConfigError

# Texts, and characters of each, that a tokenizer is held against `transformers` on.
_COMPARED = 300


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


class ScoringData(NamedTuple):
    """One split of several languages, on the device, and where each row comes from.

    `Batch.language` is the position in `roles.all`.

    Attributes:
        plans: which of the rows stands where in the batches.
        examples: of each language, in order.
        source: of auxiliary data: batches of the source's dev split, which is scored
            with them, where an objective needs it.
        pairs: of auxiliary data: translations, where an objective needs them.
    """

    batches: tuple[Batch, ...]
    plans: tuple[BucketPlan, ...]
    rows: Rows
    examples: tuple[AnyExamples, ...]
    source: tuple[Batch, ...] = ()
    pairs: PairBatches | None = None


def prepare(config: Config) -> Experiment:
    """Reads labels, tokenizer and model sizes, and checks that limits can be met."""
    tasks, skip = config.every_task, config.skip_bad_rows
    roles_of = {n: LanguageRoles.from_config(t.languages) for n, t in tasks.items()}
    # A wrong name is said before any file is read.
    make_objectives(config.search.objectives, roles_of, config.transfer)
    found = {
        name: (roles, sources.make_source(tasks[name].data, roles, skip_bad_rows=skip))
        for name, roles in roles_of.items()
    }
    return assemble(config, found, *_tokenizer_and_shape(config, list(found.values())))


def assemble(
    config: Config,
    found: Mapping[str, tuple[LanguageRoles, Source]],
    tokenizer: Tokenizer,
    shape: EncoderShape,
) -> Experiment:
    """Puts an experiment together, and checks that it makes sense.

    Args:
        found: of each task, the roles of languages and the data.
    """
    roles_of = {name: roles for name, (roles, _) in found.items()}
    objectives = make_objectives(config.search.objectives, roles_of, config.transfer)
    parts = tuple(
        _make_part(config, name, roles, source, tokenizer, shape)
        for name, (roles, source) in found.items()
    )
    _check_pooling(config, parts)
    space = make_space(config.space, shape)
    require_sense(config, space, objectives)
    length = min(config.cost.length, shape.max_length)
    heads = tuple(part.head_size for part in parts)
    costs = CostModel(space, shape, heads, length, config.cost.batch_size)
    require_feasible(costs, config.constraints)
    experiment = Experiment(config, parts, shape, space, costs, objectives)
    if config.search.reference and LATENCY not in config.search.objectives:
        assert experiment.box  # a reference that nothing can meet is named here
    return experiment


def _make_part(
    config: Config,
    name: str,
    roles: LanguageRoles,
    source: Source,
    tokenizer: Tokenizer,
    shape: EncoderShape,
) -> TaskPart:
    given = config.every_task[name]
    settings = given.tokens or config.tokens
    if settings.max_length > shape.max_length:
        raise ConfigError(
            f"tokens.max_length: the model takes at most {shape.max_length} tokens; "
            f"got {settings.max_length}."
        )
    return TaskPart(
        name=name,
        config=given,
        tokens=settings,
        roles=roles,
        codes=dict(zip(roles.all, given.languages.all, strict=True)),
        source=source,
        task=make_task(source.task, source.labels, config.train.label_smoothing),
        tokenizer=with_max_length(tokenizer, settings.max_length),
        own_heads=(roles.source, *roles.aux_train) if given.language_heads else (),
    )


def make_task(kind: str, labels: tuple[str, ...], label_smoothing: float = 0.0) -> Task:
    """The functions of one kind of task."""
    if kind == "qa":
        return make_qa()
    make = {"classification": make_classification, "tagging": make_tagging}[kind]
    return make(labels, label_smoothing)


def _check_pooling(config: Config, parts: tuple[TaskPart, ...]) -> None:
    """Where every head reads tokens, pooling is no choice."""
    if len(config.space.pooling) > 1 and all(part.task.reads_tokens for part in parts):
        raise ConfigError(
            f"space.pooling: must be one choice where every task reads tokens "
            f"({', '.join(part.task.kind for part in parts)}), since nothing is "
            f"pooled; got {list(config.space.pooling)}. Leave the option out."
        )


def _tokenizer_and_shape(
    config: Config, found: Sequence[tuple[LanguageRoles, Source]]
) -> tuple[Tokenizer, EncoderShape]:
    model = config.model
    longest = [task.tokens or config.tokens for task in config.every_task.values()]
    max_length = max(settings.max_length for settings in longest)
    if isinstance(model, PretrainedModel):
        folder = pretrained.resolve(model.path, model.revision)
        shape = pretrained.read_shape(folder)
        tokenizer = load_tokenizer(str(folder), max_length)
        where = str(folder)
        require_ids_within(tokenizer, shape.vocab_size, shape.num_segments, where)
        texts = itertools.islice(_texts_of(found), _COMPARED)
        require_agreement(tokenizer.backend, folder, [t[:_COMPARED] for t in texts])
        return tokenizer, shape
    tokenizer = train_tokenizer(_texts_of(found), model.vocab_size, max_length)
    return tokenizer, _scratch_shape(model, tokenizer, max_length)


def _texts_of(found: Sequence[tuple[LanguageRoles, Source]]) -> Iterator[str]:
    """All texts that weights may learn from, of one task after another."""
    for roles, source in found:
        for part in _trained_on(roles, source):
            yield from part.texts


def _scratch_shape(
    model: ScratchModel, tokenizer: Tokenizer, max_length: int
) -> EncoderShape:
    return EncoderShape(
        vocab_size=tokenizer.vocab_size,
        width=model.width,
        num_layers=model.layers,
        num_heads=model.heads,
        head_dim=model.width // model.heads,
        ffn=model.ffn,
        max_positions=max_length,
        num_segments=1,
        position_offset=0,
        pad_id=tokenizer.pad_id,
        norm_epsilon=1e-5,
        family="scratch",
    )


def _trained_on(roles: LanguageRoles, source: Source) -> list[AnyExamples]:
    """The training split of every language that weights may learn from."""
    languages = (roles.source, *roles.aux_train)
    return [sources.read(source, roles, code, "train", "train") for code in languages]


def training_rows(experiment: Experiment) -> tuple[tuple[Batch, ...], ...]:
    """For each task, source and aux_train rows in length buckets on the device."""
    batches = []
    for part in experiment.parts:
        examples = _trained_on(part.roles, part.source)
        _warn_of_unknown(part, examples)
        rows = _encode(part, examples)
        count, pad_id = part.tokens.train_buckets, part.tokenizer.pad_id
        batches.append(training_batches(rows, count, pad_id))
    return tuple(batches)


def scoring_data(
    experiment: Experiment,
    part: TaskPart,
    languages: tuple[str, ...],
    split: Split,
    phase: Phase,
) -> ScoringData:
    """One split of several languages in shared length buckets, on the device.

    Raises `LeakError` where the phase may not see a language.
    """
    examples = [
        sources.read(part.source, part.roles, code, split, phase) for code in languages
    ]
    _warn_of_unknown(part, examples)
    rows = _encode(part, examples)
    size = experiment.config.evaluate.batch_tokens
    count, pad_id = part.tokens.num_buckets, part.tokenizer.pad_id
    batches, plans = scoring_batches(rows, count, size, pad_id)
    return ScoringData(batches, plans, rows, tuple(examples))


def heldout_data(experiment: Experiment) -> tuple[ScoringData, ...]:
    """Of each task, the dev splits that candidates are scored on."""
    return tuple(_heldout(experiment, part) for part in experiment.parts)


def _heldout(experiment: Experiment, part: TaskPart) -> ScoringData:
    """Auxiliary data, with what else an objective needs."""
    roles, needs = part.roles, needs_of(experiment.objectives)
    data = scoring_data(experiment, part, roles.aux_heldout, "dev", "search")
    if SOURCE in needs:
        source = scoring_data(experiment, part, (roles.source,), "dev", "search")
        data = data._replace(source=source.batches)
    if ALIGNMENT in needs:
        config = experiment.config
        found = read_translations(
            config.transfer, part.source, roles, config.skip_bad_rows
        )
        count, size = part.tokens.num_buckets, config.evaluate.batch_tokens
        pairs = make_pair_batches(found, roles, part.tokenizer, count, size)
        data = data._replace(pairs=pairs)
    return data


def _encode(part: TaskPart, examples: Sequence[AnyExamples]) -> Rows:
    languages = [part.roles.all.index(one.language) for one in examples]
    heads = None
    if part.own_heads:
        own = part.own_heads
        codes = [one.language for one in examples]
        heads = [own.index(code) if code in own else -1 for code in codes]
    stride = part.tokens.doc_stride
    return make_example_rows(part.tokenizer, examples, languages, stride, heads)


def _warn_of_unknown(part: TaskPart, examples: Sequence[AnyExamples]) -> None:
    """Names the languages that the tokenizer mostly maps to `<unk>`."""
    for one in examples:
        limit = part.tokens.max_unk_rate
        warn(part.tokenizer, one.texts, one.language, limit)
