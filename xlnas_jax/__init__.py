"""Neural architecture search for cross-lingual transfer, in JAX.

Names are imported when they are first used, so that `import xlnas_jax` is quick
and touches no device.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlnas_jax import api
    from xlnas_jax.api import FinishedRun
    from xlnas_jax.config.config import Config
    from xlnas_jax.config.reading.file import load_config
    from xlnas_jax.export.artifact.load import load
    from xlnas_jax.export.predicting.answers import AnswerPrediction
    from xlnas_jax.export.predicting.classes import Prediction
    from xlnas_jax.export.predicting.tags import Entity, TaggedPrediction
    from xlnas_jax.export.subnet import Subnet
    from xlnas_jax.languages.roles import LanguageRoles
    from xlnas_jax.space.space import SearchSpace
    from xlnas_jax.types import (
        Architecture,
        ArchitectureError,
        CheckpointError,
        ConfigError,
        DataError,
        LeakError,
        XlnasError,
    )

    __version__: str

_MODULES = {
    "AnswerPrediction": "export.predicting.answers",
    "Architecture": "types",
    "ArchitectureError": "types",
    "CheckpointError": "types",
    "Config": "config.config",
    "ConfigError": "types",
    "DataError": "types",
    "Entity": "export.predicting.tags",
    "FinishedRun": "api",
    "LanguageRoles": "languages.roles",
    "LeakError": "types",
    "Prediction": "export.predicting.classes",
    "SearchSpace": "space.space",
    "Subnet": "export.subnet",
    "TaggedPrediction": "export.predicting.tags",
    "XlnasError": "types",
    "load": "export.artifact.load",
    "load_config": "config.reading.file",
}

__all__ = [
    "AnswerPrediction",
    "Architecture",
    "ArchitectureError",
    "CheckpointError",
    "Config",
    "ConfigError",
    "DataError",
    "Entity",
    "FinishedRun",
    "LanguageRoles",
    "LeakError",
    "Prediction",
    "SearchSpace",
    "Subnet",
    "TaggedPrediction",
    "XlnasError",
    "__version__",
    "api",
    "load",
    "load_config",
]


def __getattr__(name: str) -> Any:
    """Imports a public name on first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("xlnas-jax")
    if name == "api":
        return import_module("xlnas_jax.api")
    if name not in _MODULES:
        raise AttributeError(f"module 'xlnas_jax' has no attribute {name!r}")
    value = getattr(import_module(f"xlnas_jax.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names too, whether or not they were used yet."""
    return sorted({*globals(), *__all__})
