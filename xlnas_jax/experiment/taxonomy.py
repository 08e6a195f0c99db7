"""What a search consists of, on three axes, and which combinations make no sense.

After Elsken et al.: a search space, a search strategy, and (here) the objectives that
stand for performance estimation. Every part declares what it is by a few tags, and a
combination is refused before anything is trained where its tags say that the result
could only be trivial or meaningless.

References:
    Elsken et al., "Neural architecture search: a survey", 2019.
    https://jmlr.org/papers/v20/18-598.html
"""

import difflib
import re
from collections.abc import Iterator, Sequence

from xlnas_jax.config.config import Config
from xlnas_jax.config.data import PairsData
from xlnas_jax.controllers.registry import STRATEGIES
from xlnas_jax.experiment.parts import (
    learns_from_text,
    learns_from_translations,
    measures_divergence,
    measures_drop,
    starts_whole,
)
from xlnas_jax.experiment.trainable import objections_to_training
from xlnas_jax.objectives.objectives import (
    DIFFERENTIABLE,
    SOURCE,
    Objective,
    needs_of,
)
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.training.methods.base import needs_with
from xlnas_jax.training.methods.registry import method_named, warm_up_named
from xlnas_jax.types import ConfigError, brief

PICKS = ("best", "knee", "smallest")
_IDENTIFIER = re.compile("[0-9a-f]{10}")


def require_sense(
    config: Config, space: SearchSpace, objectives: tuple[Objective, ...]
) -> None:
    """Raises `ConfigError` for a combination that makes no sense, saying why."""
    for reason in objections(config, space, objectives):
        raise ConfigError(reason)


def objections(
    config: Config, space: SearchSpace, objectives: tuple[Objective, ...]
) -> Iterator[str]:
    """What speaks against searching so."""
    kind = config.controller.kind
    strategy = STRATEGIES[kind]
    if space.size == 1:
        yield (
            "space: must hold more than one architecture, or there is nothing to "
            "search; got one. Set space.elastic_depth, space.heads or space.ffn."
        )
    pick = config.export.pick
    if pick not in PICKS and not _IDENTIFIER.fullmatch(pick):
        close = difflib.get_close_matches(pick, PICKS, 1)
        yield (
            f"export.pick: must be one of {', '.join(PICKS)}, or the id of a network, "
            f"which has ten of the characters 0-9 and a-f; got {brief(pick)}. "
            + (f"Did you mean {close[0]!r}?" if close else "Use best.")
        )
    yield from _of_data(config, objectives)
    yield from objections_to_training(config, space, objectives)
    if config.search.population < strategy.min_population:
        yield (
            f"search.population: must be at least {strategy.min_population} for "
            f"controller {kind!r}, whose baseline is the others; got "
            f"{config.search.population}."
        )
    if "size limit" in strategy.needs and not _limits_size(config):
        yield (
            f"controller: {kind} only ever proposes the full network where no limit is "
            f"set. Set constraints.params, encoder_params, flops, memory_bytes or "
            f"disk_mb."
        )
    first, *others = objectives
    if "several objectives" in strategy.needs and not others:
        yield (
            f"controller: {kind} sorts candidates into fronts, which are single points "
            f"where {first.name} is the only objective. Add a cost to "
            f"search.objectives, or use regularised_evolution."
        )
    if "relaxed networks" in strategy.needs:
        yield from _of_gradients(kind, first, others)


# Of what a transfer method may learn from, how it is given.
HOW_GIVEN = {
    "auxiliary": "Name languages in languages.aux_train",
    "unlabelled": "Name languages in languages.unlabelled",
    "translations": "Say in train.translations where they come from",
    "teacher": "It is the full network as the warm-up leaves it: set "
    "train.pretune_steps",
}


def _of_data(config: Config, objectives: Sequence[Objective]) -> Iterator[str]:
    """What the transfer method learns from, and is not there."""
    method = method_named(config.train.method)
    warm_up = warm_up_named(config.train.warm_up_method)
    languages = [task.languages for task in config.every_task.values()]
    there = {"source"}
    if all(one.aux_train for one in languages):
        there.add("auxiliary")
    if all(one.unlabelled for one in languages):
        there.add("unlabelled")
    if config.train.translations is not None:
        there.add("translations")
    if config.train.pretune_steps or starts_whole(config):
        there.add("teacher")
    needs = needs_with(method, config.train)
    for missing in sorted(needs - there):
        yield (
            f"train.method: {method.name} learns from {missing} data, of which there "
            f"is none. {HOW_GIVEN[missing]}, or use finetune."
        )
    if config.train.pretune_steps and warm_up.needs & {"unlabelled"} - there:
        yield (
            f"train.warm_up_method: {warm_up.name} learns from unlabelled data, of "
            f"which there is none. {HOW_GIVEN['unlabelled']}, or use finetune."
        )
    fewest = min(len(one.aux_train) for one in languages)
    if "auxiliary" in method.needs and 0 < fewest < method.least_auxiliary:
        yield (
            f"languages.aux_train: must name at least {method.least_auxiliary} "
            f"languages for train.method {method.name}, which holds one of them out; "
            f"got {fewest}. Name more, or use finetune."
        )
    is_measured = measures_divergence(config, objectives)
    if is_measured and "teacher" not in there:
        yield (
            "train.pretune_steps: must be above 0 where candidates are held against "
            "the full network (divergence, drop): untrained, it says nothing; got 0. "
            "Set it, or leave them out of search.objectives, constraints and finalists."
        )
    yield from _of_pairs(config, objectives)
    is_translated = learns_from_translations(config)
    if config.train.translations is not None and not is_translated:
        yield (
            f"train.translations: must be of use; got a place that they come from, but "
            f"train.method {method.name} learns from none. Leave the section out, or "
            f"use translate_train."
        )
    is_used = learns_from_text(config) or is_measured or is_translated
    is_used |= bool(config.train.augment)
    if any(one.unlabelled for one in languages) and not is_used:
        yield (
            f"languages.unlabelled: must be of use; got languages, but {method.name} "
            f"learns from labels alone, and no divergence is measured. Use "
            f"train.method distill or sandwich, translate into them "
            f"(train.translations, train.augment), or leave the languages out."
        )
    if is_measured and (config.evaluate.race or config.evaluate.halving):
        yield (
            "evaluate: race and halving score candidates on parts of the labelled data "
            "alone; got one of them where divergence is measured. Leave it out."
        )


def _of_pairs(config: Config, objectives: Sequence[Objective]) -> Iterator[str]:
    """What cannot be asked of translations."""
    tasks = config.every_task.values()
    every = [task for task in tasks if isinstance(task.data, PairsData)]
    if config.export.center and not every:
        yield (
            "export.center: must be false where no translations are retrieved, since "
            "no other task gives vectors; got true. Leave the option out."
        )
    if not every:
        return
    if not all(task.has_labels for task in every) and config.train.pretune_steps:
        yield (
            "train.pretune_steps: must be 0 where there are no translations to learn "
            f"from; got {config.train.pretune_steps}. Set it to 0, by which the "
            "pretrained encoder is the teacher as it is, or name languages in "
            "languages.aux_train."
        )
    method = method_named(config.train.method)
    learns = method.needs | method.uses
    warm_up = warm_up_named(config.train.warm_up_method)
    for option, one in (("method", method), ("warm_up_method", warm_up)):
        if "auxiliary" in one.needs or one.name == "adversarial":
            yield (
                f"train.{option}: {one.name} tells rows of languages apart, and a "
                f"translation is of two; got data of pairs. Use finetune, or distill."
            )
    if not all(task.has_labels for task in every) and not learns & {"unlabelled"}:
        yield (
            f"train.method: {method.name} learns from translations, of which there are "
            f"none to learn from. Name languages in languages.aux_train, or use "
            f"distill, which learns from text."
        )
    if config.finalists.patience:
        yield (
            "finalists.patience: must be 0 where translations are retrieved, since "
            f"there is no loss of single rows to look at; got "
            f"{config.finalists.patience}. Leave the option out."
        )
    if config.train.tunes == "head":
        yield (
            "train.tunes: must not be head where translations are told by vectors, "
            "which no head makes; got head. Use all or adapters."
        )
    if config.train.accumulate > 1:
        yield (
            "train.accumulate: must be 1 where a translation is told from all others "
            f"of its batch, which parts of it do not have; got "
            f"{config.train.accumulate}. Leave the option out."
        )
    if any(task.language_heads for task in every):
        yield (
            "language_heads: translations are told by vectors, which have no output "
            "layer; got true. Leave the option out."
        )
    if measures_drop(config, objectives):
        yield (
            "constraints.drop: what a language loses is told of rows one by one, and "
            "translations are told side by side; got a limit or an objective of it. "
            "Use divergence, which needs no pairs."
        )
    if SOURCE in needs_of(objectives):
        yield (
            "transfer.gap_weight: must be 0 where translations are retrieved, since "
            "the source finds itself without fail; got "
            f"{config.transfer.gap_weight:g}. Set it to 0."
        )
    if config.evaluate.race or config.evaluate.halving:
        yield (
            "evaluate: race and halving score on parts of the data, and a translation "
            "is found among all of it; got one of them. Leave it out."
        )
    kind = config.controller.kind
    if "relaxed networks" in STRATEGIES[kind].needs:
        yield (
            f"controller: {kind} follows the loss of single rows, and translations are "
            f"told side by side. Use a strategy that learns from scores."
        )


def _of_gradients(
    kind: str, first: Objective, others: Sequence[Objective]
) -> Iterator[str]:
    """What a strategy that descends on the loss of relaxed networks cannot follow."""
    if not first.follows_loss:
        yield (
            f"controller: {kind} follows the gradient of the mean auxiliary loss, "
            f"which is not that of {first.name!r}. Put one of {list(DIFFERENTIABLE)} "
            f"first in search.objectives, or use a strategy that learns from scores."
        )
    unseen = [one.name for one in others if not one.is_cost]
    if unseen:
        yield (
            f"controller: {kind} descends on one loss and on costs; it cannot see the "
            f"objectives {unseen}. Leave them out, or use a strategy that learns from "
            f"scores."
        )


def _limits_size(config: Config) -> bool:
    limits = config.constraints
    named = (limits.params, limits.encoder_params, limits.flops)
    named = (*named, limits.memory_bytes, limits.disk_mb)
    return any(limit is not None for limit in named)
