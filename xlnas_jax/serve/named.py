"""Which models are served, and under which names."""

import re
from collections.abc import Sequence
from pathlib import Path

from xlnas_jax.types import ConfigError, brief

# What stands in a path of HTTP as it is.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def name_models(given: Sequence[str]) -> dict[str, Path]:
    """Directories by name: `NAME=DIR`, or `DIR`, whose last folder is the name.

    Raises:
        ConfigError: there is none, a name cannot stand in an address, or two models
            have one name.
    """
    if not given:
        raise ConfigError("MODEL: at least one directory must be given; got none.")
    found: dict[str, Path] = {}
    for one in given:
        name, path = _parted(one)
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"MODEL: a name must be letters, digits, points, hyphens and "
                f"underscores, since it stands in addresses; got {brief(name)} for "
                f"{path}. Give it as NAME={path}."
            )
        if name in found:
            raise ConfigError(
                f"MODEL: every model must have a name of its own; got {brief(name)} "
                f"for {found[name]} and {path}. Give one as NAME={path}."
            )
        found[name] = path
    return found


def _parted(given: str) -> tuple[str, Path]:
    name, equals, path = given.partition("=")
    # A folder may have the sign in its name.
    if equals and path and not Path(given).expanduser().is_dir():
        return name, Path(path)
    whole = Path(given).expanduser()
    return whole.name or whole.resolve().name, Path(given)
