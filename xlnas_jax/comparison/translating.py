"""The arm `translate_test`: test rows in the source language, by plain weights."""

from collections.abc import Mapping
from typing import Any

from xlnas_jax.data.sources import read
from xlnas_jax.data.translators.tested import Translation, told
from xlnas_jax.experiment.parts import Experiment

TRANSLATE_TEST = "translate_test"


def translations_of(experiment: Experiment) -> dict[str, Translation]:
    """Of each task, what translates its test rows; none where they are read as is.

    Raises:
        ConfigError: a task's rows cannot be translated.
    """
    config = experiment.config
    if config.translate_test is None:
        return {}
    skip, seed = config.skip_bad_rows, config.seed
    return {
        part.name: Translation(
            config.translate_test, part.source, part.roles.source, skip=skip, seed=seed
        )
        for part in experiment.parts
    }


def translated(
    experiment: Experiment, translations: Mapping[str, Translation]
) -> dict[str, Any]:
    """By what test rows were translated, and how many of each language were left."""
    if not translations:
        return {}
    left = {
        experiment.column(part, code): one._asdict()
        for part in experiment.parts
        for code, one in translations[part.name].counts.items()
    }
    return {TRANSLATE_TEST: {"by": told([*translations.values()]), "languages": left}}


def require_translator(experiment: Experiment) -> None:
    """An error where a language cannot be translated, before anything is trained.

    No row of a test is read.

    Raises:
        ConfigError, DataError: the translator does not know it, or cannot.
    """
    translations = translations_of(experiment)
    for part in experiment.parts:
        if part.name in translations:
            own, roles = translations[part.name], part.roles
            rows = read(part.source, roles, roles.source, "train", "train")
            for code in roles.all[1:]:
                own.require(code, rows)
