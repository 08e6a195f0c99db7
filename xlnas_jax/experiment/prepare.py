"""From a configuration to everything static, in the order that fails fastest.

`prepare` reads only what it needs to say that a search can or cannot be run;
weights and token arrays come after it.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from xlnas_jax.config.config import Config
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.data import sources
from xlnas_jax.data.augment.learnt import with_augmentation
from xlnas_jax.data.batches.rows import with_max_length
from xlnas_jax.data.examples import Source
from xlnas_jax.data.tokens.coverage import plain_ids
from xlnas_jax.data.tokens.prefix import with_prefix
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.experiment.chosen import leaves_open, with_chosen, with_pool
from xlnas_jax.experiment.encoder import tokenizer_and_shape
from xlnas_jax.experiment.fits import require_fitting
from xlnas_jax.experiment.parts import (
    Experiment,
    TaskPart,
    measures_divergence,
    measures_drop,
)
from xlnas_jax.experiment.pieces.vocabulary import Vocabulary
from xlnas_jax.experiment.taxonomy import require_sense
from xlnas_jax.experiment.translations.translated import require_translatable
from xlnas_jax.languages.distance.texts import Pieces
from xlnas_jax.languages.roles import LanguageRoles, Split
from xlnas_jax.objectives.objectives import Objective, make_objectives
from xlnas_jax.space.constraints import require_feasible
from xlnas_jax.space.cost import CostModel
from xlnas_jax.space.disk import DISK, Disk
from xlnas_jax.space.latency import LATENCY
from xlnas_jax.space.shape import BEFORE, RELATIVE, EncoderShape
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.locate import origin_of
from xlnas_jax.tasks.divergence import with_divergence
from xlnas_jax.tasks.drop import with_drop
from xlnas_jax.tasks.registry import make_task
from xlnas_jax.types import ConfigError


def prepare(config: Config) -> Experiment:
    """Reads labels, tokenizer and model sizes, and checks that limits can be met.

    Languages that are left open are chosen first: `Experiment.config` has them.
    """
    if leaves_open(config):
        parts = {part.name: part for part in prepare(with_pool(config)).parts}
        config = with_chosen(config, lambda task, code: _pieces(parts[task], code))
    tasks, skip = config.every_task, config.skip_bad_rows
    few = config.few_shot.rows
    roles_of = {
        name: LanguageRoles.from_config(task.languages, few)
        for name, task in tasks.items()
    }
    # A wrong name is said before any file is read.
    make_objectives(config.search.objectives, roles_of, config.transfer)
    found = {}
    for name, roles in roles_of.items():
        source = sources.make_source(tasks[name].data, roles, skip_bad_rows=skip)
        ways, seed = config.train.augment, config.seed
        source = with_augmentation(source, ways, roles, seed, skip=skip)
        found[name] = roles, source
    encoder = tokenizer_and_shape(config, list(found.values()))
    experiment, model = assemble(config, found, *encoder), config.model
    if not isinstance(model, PretrainedModel):
        return experiment
    origin = origin_of(model.path, model.revision)
    return dataclasses.replace(experiment, model_origin=origin)


def _pieces(part: TaskPart, code: str) -> Pieces:
    """Of text of an auxiliary language's dev split, or of a target's training split."""
    split: Split = "train" if code in part.roles.target else "dev"
    return plain_ids(part.tokenizer, sources.read_texts(part.source, code, split))


def assemble(
    config: Config,
    found: Mapping[str, tuple[LanguageRoles, Source]],
    tokenizer: Tokenizer,
    shape: EncoderShape,
    vocabulary: Vocabulary | None = None,
) -> Experiment:
    """Puts an experiment together, and checks that it makes sense.

    Args:
        found: of each task, the roles of languages and the data.
    """
    roles_of = {name: roles for name, (roles, _) in found.items()}
    objectives = make_objectives(config.search.objectives, roles_of, config.transfer)
    parts = tuple(
        _make_part(config, name, roles, source, tokenizer, shape, objectives)
        for name, (roles, source) in found.items()
    )
    _check_pooling(config, parts)
    _check_mixture(config, shape)
    _check_words(config)
    space = make_space(config.space, shape)
    require_sense(config, space, objectives)
    require_fitting(config.space, space, shape, parts)
    require_translatable(config, parts)
    length = min(config.cost.length, shape.max_length)
    heads = tuple(part.head_size for part in parts)
    costs = CostModel(
        space, shape, heads, length, config.cost.batch_size, disk=_disk(config, parts)
    )
    require_feasible(costs, config.constraints)
    experiment = Experiment(
        config, parts, shape, space, costs, objectives, vocabulary=vocabulary
    )
    if config.search.reference and LATENCY not in config.search.objectives:
        assert experiment.box  # a reference that nothing can meet is named here
    return experiment


def _disk(config: Config, parts: tuple[TaskPart, ...]) -> Disk | None:
    """How large networks are on the disk, where the search asks for it."""
    is_asked = config.constraints.disk_mb is not None
    if not is_asked and DISK not in config.search.objectives:
        return None
    has_one_head = config.cost.disk_form != "flax"
    for part in parts:
        if part.own_heads and has_one_head:
            raise ConfigError(
                f"language_heads: must be off where disk_mb is counted, since the form "
                f"{config.cost.disk_form} has one output layer; got it on in task "
                f"{part.name}. Leave one of them out."
            )
    # Tokenizers of all tasks are one, but for how long texts may be.
    text = parts[0].tokenizer.to_text()
    return Disk(config.cost.disk_form, len(text.encode()), config.export.dtype)


def _make_part(
    config: Config,
    name: str,
    roles: LanguageRoles,
    source: Source,
    tokenizer: Tokenizer,
    shape: EncoderShape,
    objectives: Sequence[Objective],
) -> TaskPart:
    given = config.every_task[name]
    settings = given.tokens or config.tokens
    if settings.max_length > shape.max_length:
        raise ConfigError(
            f"tokens.max_length: the model takes at most {shape.max_length} tokens; "
            f"got {settings.max_length}."
        )
    smoothing = config.train.label_smoothing
    task = make_task(source.task, source.labels, shape.width, smoothing)
    if measures_drop(config, objectives):
        task = with_drop(task)
    if measures_divergence(config, objectives):
        task = with_divergence(task)
    return TaskPart(
        name=name,
        config=given,
        tokens=settings,
        roles=roles,
        codes=_spelled(roles, given.languages),
        source=source,
        task=task,
        tokenizer=with_prefix(
            with_max_length(tokenizer, settings.max_length), settings.prefix
        ),
        own_heads=(roles.source, *roles.aux_train) if given.language_heads else (),
    )


def _spelled(roles: LanguageRoles, given: LanguagesConfig) -> dict[str, str]:
    """How the user spelled each language; of two spellings the first."""
    every = zip((*roles.all, *roles.unlabelled), given.every, strict=True)
    return dict(reversed(list(every)))


def _check_words(config: Config) -> None:
    """What pieces share are means of their rows, which must be as they will stay."""
    model = config.model
    is_narrow = isinstance(model, PretrainedModel) and model.narrow is not None
    if config.space.vocabulary and is_narrow:
        raise ConfigError(
            f"space.vocabulary: pieces share means of pretrained rows, which "
            f"model.narrow learns again; got shares {list(config.space.vocabulary)} "
            f"and both sections. Leave one of them out; `xlnas trim --share` shares "
            f"rows after a search."
        )


def _check_mixture(config: Config, shape: EncoderShape) -> None:
    """What is mixed must be of one size, as what has passed a norm is."""
    methods = config.train.method, config.train.warm_up_method
    if "mixup" in methods and shape.spec.norm_place == BEFORE:
        raise ConfigError(
            f"train.method: mixup puts a share of what a translation finds in its row "
            f"in the place of the translation, behind the norm of attention; got an "
            f"encoder of {shape.family}, whose norms stand before attention, so that "
            f"sums without a norm would be mixed. Use translate_train, filter or "
            f"xtune, or an encoder of another family."
        )
    if "mixup" in methods and shape.spec.positions == RELATIVE:
        raise ConfigError(
            f"train.method: mixup has the tokens of a text look for those of another, "
            f"which are no distance apart; got an encoder of {shape.family}, whose "
            f"scores are by distances. Use translate_train, filter or xtune, or an "
            f"encoder of another family."
        )


def _check_pooling(config: Config, parts: tuple[TaskPart, ...]) -> None:
    """Where every head reads tokens, pooling is no choice."""
    if len(config.space.pooling) > 1 and all(part.task.reads_tokens for part in parts):
        raise ConfigError(
            f"space.pooling: must be one choice where every task reads tokens "
            f"({', '.join(part.task.kind for part in parts)}), since nothing is "
            f"pooled; got {list(config.space.pooling)}. Leave the option out."
        )
