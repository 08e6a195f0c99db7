"""Languages: their codes, and who may be seen when."""

from xlnas_jax.languages.codes import (
    name,
    named,
    nearest,
    normalise,
    script_of,
    titled,
)
from xlnas_jax.languages.roles import LanguageRoles, Phase, Split

__all__ = [
    "LanguageRoles",
    "Phase",
    "Split",
    "name",
    "named",
    "nearest",
    "normalise",
    "script_of",
    "titled",
]
