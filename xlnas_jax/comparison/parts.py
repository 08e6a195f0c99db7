"""The parts of the engine that an ablation switches off, one at a time."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import RandomController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.languages import LanguagesConfig

TRANSFER_LOSS = "transfer_loss"


class Part(NamedTuple):
    """One part.

    Attributes:
        without: what is left where it is off, in a few words.
        off: the same experiment without it; None where it has no such part.
    """

    without: str
    off: Callable[[Config], Config | None]


def _replaced(config: Config, section: str, **changes: Any) -> Config | None:
    """With other options of a section; None where they are what they were."""
    before = getattr(config, section)
    after = dataclasses.replace(before, **changes)
    if after == before:
        return None
    return dataclasses.replace(config, **{section: after})


def with_languages(config: Config, **changes: Any) -> Config:
    """With other options of the languages of every task."""

    def changed(languages: LanguagesConfig) -> LanguagesConfig:
        return dataclasses.replace(languages, **changes)

    if config.languages is not None:
        return dataclasses.replace(config, languages=changed(config.languages))
    tasks = {
        name: dataclasses.replace(task, languages=changed(task.languages))
        for name, task in config.tasks.items()
    }
    return dataclasses.replace(config, tasks=tasks)


def _alignment(config: Config) -> Config | None:
    if TRANSFER_LOSS not in config.search.objectives:
        return None
    return _replaced(config, "transfer", alignment_weight=0.0)


def _text(config: Config) -> Config | None:
    after = with_languages(config, unlabelled=(), target_text=False)
    return None if after == config else after


def _strategy(config: Config) -> Config | None:
    if isinstance(config.controller, RandomController):
        return None
    return dataclasses.replace(config, controller=RandomController())


def _objectives(config: Config) -> Config | None:
    return _replaced(config, "search", objectives=config.search.objectives[:1])


def _limits(config: Config) -> Config | None:
    if config.constraints == ConstraintsConfig():
        return None
    return dataclasses.replace(config, constraints=ConstraintsConfig())


PARTS = {
    "alignment": Part("scores say nothing of translations", _alignment),
    "text": Part("no text without labels", _text),
    "adapt": Part(
        "all of the space is searched", lambda c: _replaced(c, "space", adapt=None)
    ),
    "width": Part(
        "layers are whole: only which of them stay is searched",
        lambda c: _replaced(c, "space", heads=(), ffn=()),
    ),
    "depth": Part(
        "all layers stay: only their sizes are searched",
        lambda c: _replaced(c, "space", elastic_depth=False),
    ),
    "strategy": Part("networks are drawn at random", _strategy),
    "objectives": Part("one objective, no front of costs", _objectives),
    "limits": Part("no limit on costs", _limits),
    "method": Part(
        "plain fine-tuning for transfer",
        lambda c: _replaced(c, "train", method="finetune"),
    ),
    "augment": Part(
        "training rows as they are, none made of others",
        lambda c: _replaced(c, "train", augment=()),
    ),
    "tuning": Part(
        "candidates are judged as they are cut",
        lambda c: _replaced(c, "evaluate", tuning=None),
    ),
    "seeds": Part(
        "nothing is scored before what the strategy draws",
        lambda c: _replaced(c, "search", seeds=()),
    ),
    "order": Part(
        "heads and neurons stay in the order of the encoder",
        lambda c: _replaced(c, "train", reorder=False),
    ),
}
