"""Patterns of files that belong to a pair of languages."""

from xlnas_jax.types import ConfigError, brief

SIDES = ("{source}", "{target}")


def require_sides(path: str) -> None:
    """An error unless both languages are filled in, each once."""
    if any(path.count(side) != 1 for side in SIDES):
        raise ConfigError(
            f"path: must contain {{source}} and {{target}} once, which are filled in "
            f"for every pair of languages; got {brief(path)}. Write for example "
            f"'words/{{source}}-{{target}}.tsv'."
        )
