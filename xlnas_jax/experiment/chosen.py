"""Auxiliary languages that the configuration leaves to distance."""

import dataclasses
from collections.abc import Callable

from xlnas_jax.config.config import Config
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.distance.composite import measure
from xlnas_jax.languages.distance.texts import Pieces
from xlnas_jax.languages.distance.uriel import is_installed
from xlnas_jax.languages.ranking import cover
from xlnas_jax.types import ConfigError

# `(task, code) -> pieces` of a language's text, which may be looked at.
Read = Callable[[str, str], Pieces]


def leaves_open(config: Config) -> bool:
    """Whether some task's auxiliary languages are to be chosen."""
    return any(task.languages.choose for task in config.every_task.values())


def with_pool(config: Config) -> Config:
    """The same with all that may be chosen as auxiliary languages: to read them."""
    return _changed(config, lambda _, given: given.choose.pool if given.choose else ())


def with_chosen(config: Config, read: Read) -> Config:
    """The same with the languages of the pool that cover the targets best.

    Of targets text is looked at only where `languages.target_text` allows it; without,
    recorded features alone say how far they are.

    Args:
        read: gives what languages of the pool, and such targets, have of text.

    Raises:
        ConfigError: the package with the features is missing.
    """
    if not is_installed():
        raise ConfigError(
            "languages.choose: distances take the features of URIEL+, which are not "
            "installed. Name languages in languages.aux_heldout, or "
            "pip install 'xlnas-jax[languages]'."
        )

    def choose(name: str, given: LanguagesConfig) -> tuple[str, ...]:
        assert given.choose is not None
        pool, targets = given.choose.pool, given.target
        spelled = {normalise(code): code for code in pool}
        goals = [normalise(code) for code in targets]
        seen = [*spelled, *(goals if given.target_text else [])]
        pieces = {code: read(name, code) for code in seen}
        codes = (*spelled, *goals)
        made = measure(codes, given.distance, pieces, is_strict=False)
        table = made.combined()[: len(spelled), len(spelled) :]
        return tuple(pool[n] for n in cover(table, given.choose.count))

    return _changed(config, choose)


def _changed(
    config: Config, choose: Callable[[str, LanguagesConfig], tuple[str, ...]]
) -> Config:
    """Tasks with other auxiliary languages, where they are to be chosen."""

    def languages(name: str, task: TaskConfig) -> LanguagesConfig:
        given = task.languages
        if given.choose is None:
            return given
        return dataclasses.replace(given, aux_heldout=choose(name, given), choose=None)

    every = {name: languages(name, task) for name, task in config.every_task.items()}
    if not config.tasks:
        return dataclasses.replace(config, languages=every["task"])
    tasks = {
        name: dataclasses.replace(task, languages=every[name])
        for name, task in config.tasks.items()
    }
    return dataclasses.replace(config, tasks=tasks)
