"""Patterns with `{language}`: which of the names that exist is which language."""

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from xlnas_jax.languages.codes import named, nearest, normalise
from xlnas_jax.types import ConfigError, DataError


def match_languages(pattern: str, names: Iterable[str]) -> dict[str, str]:
    """Canonical code -> what stands for `{language}` in the names that match.

    Names whose part is no language code are passed over. Where several are the
    same language (FLORES lists `aka` and `twi`, both Akan), the canonical code
    wins, then a form that begins with it; forms that are equally good are all
    passed over, so that which one is read is never an accident.

    Raises:
        ConfigError: the pattern has no `{language}`.
    """
    require_field(pattern, "{language}")
    parts = [re.escape(part) for part in pattern.split("{language}")]
    expression = re.compile(
        "(?P<language>[^/]+)".join(parts[:2])
        + "".join("(?P=language)" + part for part in parts[2:])
    )
    forms: dict[str, list[str]] = {}
    for candidate in sorted(names):
        match = expression.fullmatch(candidate)
        if match is None:
            continue
        form = match.group("language")
        try:
            forms.setdefault(normalise(form), []).append(form)
        except ConfigError:
            continue
    chosen = {code: _choose(code, given) for code, given in forms.items()}
    return {code: form for code, form in chosen.items() if form is not None}


def match_files(pattern: str) -> dict[str, str]:
    """Canonical code -> what stands for `{language}` in the files that there are."""
    wildcard = "*".join(glob.escape(part) for part in pattern.split("{language}"))
    names = (Path(match).as_posix() for match in glob.glob(wildcard))
    return match_languages(Path(pattern).as_posix(), names)


def _choose(code: str, forms: list[str]) -> str | None:
    """The one form to read a language by; None where several are equally good."""
    for preferred in (
        [form for form in forms if form == code],
        [form for form in forms if re.split("[-_]", form)[0] == code],
        forms,
    ):
        if preferred:
            return preferred[0] if len(set(preferred)) == 1 else None
    return None


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
            f"{where}: must hold {named(language)}; got no language at "
            f"all. Check data.path."
        )
    hint = ", ".join(nearest(language, known))
    return DataError(
        f"{where}: must hold {named(language)}; got {len(known)} other "
        f"languages, the nearest of which are {hint}. Choose one of those."
    )
