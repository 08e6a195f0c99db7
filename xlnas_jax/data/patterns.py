"""Patterns with `{language}`: which of the names that exist is which language."""

import re
from collections.abc import Iterable

from xlnas_jax.languages import name, nearest, normalise
from xlnas_jax.types import ConfigError, DataError


def match_languages(pattern: str, names: Iterable[str]) -> dict[str, str]:
    """Canonical code -> what stands for `{language}` in the names that match.

    Names whose part is no language code are passed over. A name that is the
    canonical code itself wins over longer forms of the same language.

    Raises:
        ConfigError: the pattern has no `{language}`.
        DataError: two names are the same language.
    """
    require_field(pattern, "{language}")
    parts = [re.escape(part) for part in pattern.split("{language}")]
    expression = re.compile(
        "(?P<language>[^/]+)".join(parts[:2])
        + "".join("(?P=language)" + part for part in parts[2:])
    )
    found: dict[str, str] = {}
    for candidate in sorted(names):
        match = expression.fullmatch(candidate)
        if match is None:
            continue
        form = match.group("language")
        try:
            code = normalise(form)
        except ConfigError:
            continue
        other = found.get(code)
        if other not in (None, code) and form != code:
            raise DataError(
                f"{pattern}: every language must be there once; got {other!r} and "
                f"{form!r}, both {name(code)}. Remove or rename one."
            )
        if other != code:
            found[code] = form
    return found


def require_field(pattern: str, field: str) -> None:
    """Raise `ConfigError` unless the pattern has the field, as in `{split}`."""
    if field not in pattern:
        raise ConfigError(
            f"data: the pattern must contain {field}, which is filled in every "
            f"time; got {pattern!r}. Write for example "
            f"'data/{{language}}/{{split}}.tsv'."
        )


def unknown_language(language: str, known: Iterable[str], where: str) -> DataError:
    """The error for a language the data does not have, with the nearest it has."""
    known = tuple(known)
    if not known:
        return DataError(
            f"{where}: must hold {name(language)} ({language}); got no language at "
            f"all. Check data.path."
        )
    hint = ", ".join(nearest(language, known))
    return DataError(
        f"{where}: must hold {name(language)} ({language}); got {len(known)} other "
        f"languages, the nearest of which are {hint}. Choose one of those."
    )
