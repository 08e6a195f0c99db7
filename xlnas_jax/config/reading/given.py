"""A configuration as a caller in Python has it: a file, mappings, or a `Config`."""

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.file import (
    apply_changes,
    load_changed,
    parse_config,
    to_mapping,
)
from xlnas_jax.types import ConfigError, brief

_WHAT = "changes: "
Given = str | PathLike[str] | Mapping[str, Any] | Config


def config_of(given: Given, changes: Mapping[str, Any] | None = None) -> Config:
    """The experiment that is given, checked as a file is.

    Args:
        given: a YAML file; or what such a file holds, as nested mappings; or a
            `Config`. It is left as it is.
        changes: of options, by their path `section.option`, as `--set` takes them;
            values are numbers, texts, lists, mappings or sections of a `Config`.

    Raises:
        ConfigError: something of it cannot be honoured.
    """
    pairs = [(_path(name), _plain(value)) for name, value in (changes or {}).items()]
    if isinstance(given, str | PathLike):
        return load_changed(Config, given, pairs, _WHAT)
    if isinstance(given, Config) and not pairs:
        return given
    mapping = _plain(given)
    apply_changes(mapping, pairs, _WHAT)
    return parse_config(mapping)


def _path(name: Any) -> str:
    if not isinstance(name, str) or not all(name.split(".")):
        raise ConfigError(
            f"changes: must be of options, each by its path, as search.rounds; got "
            f"{brief(name)}."
        )
    return name


def _plain(value: Any) -> Any:
    """What YAML would give for it."""
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return to_mapping(value)
