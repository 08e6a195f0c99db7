"""From a configuration to everything static, in the order that fails fastest.

`prepare` reads only what it needs to say that a search can or cannot be run;
weights and token arrays come after it.
"""

import dataclasses
from dataclasses import dataclass

import jax

from xlnas_jax.config import Config, PretrainedModel, ScratchModel
from xlnas_jax.data import sources, tokens
from xlnas_jax.data.batches import batch_examples, row_examples
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.languages import LanguageRoles, Phase, Split
from xlnas_jax.objectives import Objective, make_objectives
from xlnas_jax.space.constraints import require_feasible
from xlnas_jax.space.cost import CostModel
from xlnas_jax.space.knobs import make_space
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.types import Batch, ConfigError


@dataclass(frozen=True, eq=False)
class Experiment:
    """The static parts of a run; see each type for what it holds.

    Attributes:
        codes: how the user spelled each canonical language code.
    """

    config: Config
    roles: LanguageRoles
    codes: dict[str, str]
    source: Source
    tokenizer: tokens.Tokenizer
    shape: EncoderShape
    space: SearchSpace
    costs: CostModel
    task: Task
    objectives: tuple[Objective, ...]


def prepare(config: Config) -> Experiment:
    """Reads labels, tokenizer and model sizes, and checks that limits can be met."""
    roles = LanguageRoles.from_config(config.languages)
    objectives = make_objectives(config.search.objectives)
    source = sources.make_source(config.data, roles)
    tokenizer, shape = _tokenizer_and_shape(config, source, roles)
    if config.tokens.max_length > shape.max_length:
        raise ConfigError(
            f"tokens.max_length: the model takes at most {shape.max_length} tokens; "
            f"got {config.tokens.max_length}."
        )
    space = make_space(config.space, shape)
    num_outputs = len(source.labels)
    length = min(config.cost.length, shape.max_length)
    costs = CostModel(space, shape, num_outputs, length, config.cost.batch_size)
    require_feasible(costs, config.constraints)
    return Experiment(
        config=config,
        roles=roles,
        codes=_spelling(config, roles),
        source=source,
        tokenizer=tokenizer,
        shape=shape,
        space=space,
        costs=costs,
        task=make_classification(source.labels, config.train.label_smoothing),
        objectives=objectives,
    )


def _spelling(config: Config, roles: LanguageRoles) -> dict[str, str]:
    """Canonical code to the code in the configuration."""
    return dict(zip(roles.all, config.languages.all, strict=True))


def _tokenizer_and_shape(
    config: Config, source: Source, roles: LanguageRoles
) -> tuple[tokens.Tokenizer, EncoderShape]:
    model, max_length = config.model, config.tokens.max_length
    if isinstance(model, PretrainedModel):
        folder = pretrained.resolve(model.path, model.revision)
        shape = pretrained.read_shape(folder)
        return tokens.load_tokenizer(str(folder), max_length), shape
    train = [text for part in _train_examples(source, roles) for text in part.texts]
    tokenizer = tokens.train_tokenizer(train, model.vocab_size, max_length)
    return tokenizer, _scratch_shape(model, tokenizer, max_length)


def _scratch_shape(
    model: ScratchModel, tokenizer: tokens.Tokenizer, max_length: int
) -> EncoderShape:
    if model.width % model.heads:
        divisors = [n for n in range(1, model.width + 1) if model.width % n == 0]
        raise ConfigError(
            f"model.heads: must divide the width {model.width}; got {model.heads}. "
            f"Use one of {divisors}."
        )
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


def _train_examples(source: Source, roles: LanguageRoles) -> list[Examples]:
    """The training split of every language that weights may learn from."""
    languages = (roles.source, *roles.aux_train)
    return [sources.read(source, roles, code, "train", "train") for code in languages]


def init_params(experiment: Experiment) -> SupernetParams:
    """Imported or new encoder weights, and a new task head."""
    config, shape = experiment.config, experiment.shape
    encoder_key, head_key = jax.random.split(jax.random.key(config.seed))
    has_attentive = "attentive" in experiment.space.knob("pooling").choices
    head = init_head(head_key, shape, len(experiment.task.labels), has_attentive)
    if isinstance(config.model, ScratchModel):
        return SupernetParams(encoder=init_encoder(encoder_key, shape), head=head)
    folder = pretrained.resolve(config.model.path, config.model.revision)
    pooler = pretrained.load_pooler(folder, shape)
    head = head if pooler is None else dataclasses.replace(head, hidden=pooler)
    return SupernetParams(encoder=pretrained.load_encoder(folder, shape), head=head)


def training_rows(experiment: Experiment) -> tuple[Batch, ...]:
    """Source and aux_train examples, one row each, in length buckets on the device."""
    parts = _train_examples(experiment.source, experiment.roles)
    _warn_of_unknown(experiment, parts)
    count = experiment.config.tokens.train_buckets
    return jax.device_put(row_examples(experiment.tokenizer, parts, count))


def evaluation_batches(
    experiment: Experiment, languages: tuple[str, ...], split: Split, phase: Phase
) -> tuple[Batch, ...]:
    """One split of several languages in shared length buckets, on the device.

    `Batch.language` is the position in `languages`. Raises `LeakError` where the
    phase may not see a language.
    """
    parts = [
        sources.read(experiment.source, experiment.roles, code, split, phase)
        for code in languages
    ]
    _warn_of_unknown(experiment, parts)
    config = experiment.config
    num_buckets, size = config.tokens.num_buckets, config.evaluate.batch_tokens
    batches = batch_examples(experiment.tokenizer, parts, num_buckets, size)
    return jax.device_put(batches)


def _warn_of_unknown(experiment: Experiment, parts: list[Examples]) -> None:
    """Names the languages that the tokenizer mostly maps to `<unk>`."""
    limit = experiment.config.tokens.max_unk_rate
    for part in parts:
        tokens.warn(experiment.tokenizer, part.texts, part.language, limit)
