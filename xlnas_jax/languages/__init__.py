"""Languages: their codes, and who may be seen when."""

from xlnas_jax.languages.codes import name, nearest, normalise, script_of
from xlnas_jax.languages.roles import LanguageRoles, Phase, Split

__all__ = [
    "LanguageRoles",
    "Phase",
    "Split",
    "name",
    "nearest",
    "normalise",
    "script_of",
]
