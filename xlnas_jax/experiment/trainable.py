"""Which settings of training make no sense together, or with the space."""

from collections.abc import Iterator, Sequence

from xlnas_jax.config.config import Config
from xlnas_jax.config.data import PairsData
from xlnas_jax.controllers.registry import STRATEGIES
from xlnas_jax.objectives.objectives import Objective
from xlnas_jax.space.cost import TUNED_PARAMS
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.stages.mix import MIX
from xlnas_jax.supernet.stages.tuned import TUNED
from xlnas_jax.training.methods.base import hears
from xlnas_jax.training.methods.registry import method_named, warm_up_named


def objections_to_training(
    config: Config, space: SearchSpace, objectives: Sequence[Objective]
) -> Iterator[str]:
    """What speaks against training so."""
    yield from _of_freezing(config, space)
    yield from _of_few_shot(config, space)
    yield from _of_gates(config, space)
    yield from _of_shares(config, space, objectives)
    yield from _of_method(config, space)


def _of_freezing(config: Config, space: SearchSpace) -> Iterator[str]:
    """What would leave nothing to train."""
    train, num_layers = config.train, space.gate.sites
    if train.frozen_layers > num_layers:
        yield (
            f"train.frozen_layers: must be at most {num_layers}, the model's layers; "
            f"got {train.frozen_layers}. With {num_layers} the head alone is trained."
        )
    added = (config.space.adapter, config.space.lora, config.space.prefix)
    if train.tunes == "adapters" and not any(size for one in added for size in one):
        yield (
            "train.tunes: adapters must be in the space, if they are to be trained; "
            "got adapters, and none in space.adapter, space.lora and space.prefix. "
            "Give choices of one of them, or use all or head."
        )


def _of_few_shot(config: Config, space: SearchSpace) -> Iterator[str]:
    """What speaks against training on a few rows of targets."""
    few, num_layers = config.few_shot, space.gate.sites
    if not few.rows:
        return
    if few.top_layers is not None and few.top_layers > num_layers:
        yield (
            f"few_shot.top_layers: must be at most {num_layers}, the model's layers; "
            f"got {few.top_layers}. Leave the option out to train all of them."
        )
    if config.export.finetune_steps:
        yield (
            "export.finetune_steps: must be 0 with few_shot.rows, which trains the "
            "network that is exported, last of all; got "
            f"{config.export.finetune_steps}. Leave out one of the two."
        )
    if any(isinstance(task.data, PairsData) for task in config.every_task.values()):
        yield (
            "few_shot.rows: must be 0 where translations are retrieved, which have no "
            f"labels; got {few.rows}. Name languages in languages.aux_train instead."
        )


def _of_gates(config: Config, space: SearchSpace) -> Iterator[str]:
    """What steps that are looked through, and gates, cannot be made for."""
    train = config.train
    is_partial = train.frozen_layers > 0 or train.tunes != "all"
    if train.method == "maml" and (is_partial or train.accumulate > 1):
        yield (
            "train.method: maml steps with all layers on halves of a whole batch, so "
            "train.frozen_layers must be 0, train.tunes all and train.accumulate 1; "
            f"got {train.frozen_layers}, {train.tunes} and {train.accumulate}. Leave "
            "them out, or use finetune."
        )
    gates, layers = config.train.gates, space.gate.sites
    is_used = method_named(config.train.method).scale is not None
    if is_used and gates.kind == "frozen" and gates.frozen_layers > layers:
        yield (
            f"train.gates.frozen_layers: must be at most {layers}, the model's layers; "
            f"got {gates.frozen_layers}."
        )


def _of_shares(
    config: Config, space: SearchSpace, objectives: Sequence[Objective]
) -> Iterator[str]:
    """What a choice of how networks are trained alone needs, and cannot be beside."""
    train, kind, there = config.train, config.controller.kind, space.trainings
    names = [one.name for one in there]
    if TUNED not in names and TUNED_PARAMS in (one.name for one in objectives):
        yield (
            f"search.objectives: {TUNED_PARAMS} differ between networks only where "
            f"layers may be left untrained; got no space.tuned. Give it, or leave "
            f"the objective out."
        )
    for name in names:
        if config.evaluate.tuning is None:
            yield (
                f"space.{name}: candidates must be trained alone before they are "
                f"scored, or all choices score alike and nothing tells them apart; got "
                f"no evaluate.tuning. Give it, or leave space.{name} out."
            )
        if "relaxed networks" in STRATEGIES[kind].needs:
            yield (
                f"controller: {kind} follows gradients of networks that are not "
                f"trained alone, which say nothing of space.{name}; got "
                f"{list(getattr(config.space, name))}. Use a strategy that learns from "
                f"scores."
            )
    if MIX in names:
        yield from _of_mix(config)
    if TUNED not in names:
        return
    if train.frozen_layers or train.tunes != "all":
        yield (
            f"space.tuned: says itself which layers are trained, so "
            f"train.frozen_layers must be 0 and train.tunes all; got "
            f"{train.frozen_layers} and {train.tunes}. Leave them out."
        )
    if train.method == "maml":
        yield (
            "train.method: maml looks through a step of all layers, of which none may "
            "be left as it was; got space.tuned. Leave it out, or use finetune."
        )


def _of_mix(config: Config) -> Iterator[str]:
    """What a choice of the layer in which texts meet needs."""
    if config.train.method != "mixup":
        yield (
            f"space.mix: says in which layer train.method mixup mixes; got "
            f"{config.train.method}. Use mixup, or leave space.mix out."
        )
    elif len(config.train.mixup.layers) != 1:
        yield (
            f"train.mixup.layers: must be one layer where space.mix chooses one; got "
            f"{list(config.train.mixup.layers)}."
        )


def _of_method(config: Config, space: SearchSpace) -> Iterator[str]:
    """Settings of the transfer method that it cannot be run with."""
    method = method_named(config.train.method)
    warm_up = warm_up_named(config.train.warm_up_method)
    for one in (method, warm_up):
        reason = one.outside(config.train, space.gate.sites)
        if reason:
            yield reason
    if warm_up.is_beside and warm_up.name != method.name:
        yield (
            f"train.warm_up_method: must not be {warm_up.name} where train.method is "
            f"{method.name}, by which no translations stand beside rows. Use finetune."
        )
    if method.is_beside and config.train.pretune_steps and hears(warm_up):
        yield (
            f"train.warm_up_method: must not be {warm_up.name} where train.method is "
            f"{method.name}: text has no translation to stand beside it. Use finetune."
        )
    if method.is_beside and config.train.accumulate > 1:
        yield (
            f"train.accumulate: must be 1 with train.method {method.name}, which is "
            f"given whole batches; got {config.train.accumulate}. Leave the option "
            f"out, or use a smaller train.batch_size."
        )
    if method.is_beside and config.export.finetune_steps:
        yield (
            f"export.finetune_steps: must be 0 with train.method {method.name}, by "
            f"which an exported network cannot be trained: it reads one text at a "
            f"time; got {config.export.finetune_steps}. Set search.finalists, which "
            f"are trained by it before they are exported."
        )
