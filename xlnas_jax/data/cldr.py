"""Which kind of thing is a name? Real, parallel text carried by `babel`.

The Unicode CLDR has names of territories, languages, scripts and currencies in
more than a hundred languages, under keys they share. An example's id is
`kind:key`, so the same id is the same entity in every language.
"""

import hashlib
from collections import Counter
from functools import cache

import numpy as np
from babel import Locale
from babel.localedata import locale_identifiers

from xlnas_jax.config.data import CldrData
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.data.readers.faults import LoadReport
from xlnas_jax.data.readers.patterns import unknown_language
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import ConfigError

KINDS = ("territory", "language", "script", "currency", "unit")
_SECTIONS = {
    "territory": "territories",
    "language": "languages",
    "script": "scripts",
    "currency": "currency_names",
    "unit": "unit_display_names",
}
# Placeholders, whose names ("unknown language") say their kind.
_PLACEHOLDERS = frozenset(
    {"ZZ", "XA", "XB", "und", "mul", "mis", "zxx", "Zzzz", "XXX", "XTS"}
)
_MIN_TRANSLATED = 25
# A name's hash, in [0, 1), says its split: at least this is test, then dev.
_TEST_FROM, _DEV_FROM = 0.8, 0.6
_EVALUATION_SHARE = 0.25


def make_cldr_source(config: CldrData) -> Source:
    """Names as texts, their kinds as labels, balanced within every split.

    Three fifths of the names, by hash, may be trained on, and one fifth each is
    for dev and test. A split holds as many names of each kind as the scarcest
    kind has, at most `per_class` of them for training and a quarter of that
    for dev and test.
    """
    unknown = [kind for kind in config.kinds if kind not in KINDS]
    if unknown or len(set(config.kinds)) != len(config.kinds) or len(config.kinds) < 2:
        raise ConfigError(
            f"data.kinds: must be two or more different ones of {list(KINDS)}; got "
            f"{list(config.kinds)}. Remove or replace {unknown or 'one'}."
        )
    if config.per_class < 4:
        raise ConfigError(
            f"data.per_class: must be at least 4, to leave one name of each class "
            f"for dev and test; got {config.per_class}. Raise it."
        )

    def read(language: str, split: Split) -> Examples:
        if not is_available(language, config.kinds):
            known = available_languages(config.kinds)
            raise unknown_language(language, known, "the Unicode CLDR")
        return _read(config, language, split)

    def languages() -> tuple[str, ...]:
        return available_languages(config.kinds)

    licence = "Unicode License v3 (CLDR)"
    return Source(config.kinds, languages, read, licence=licence)


@cache
def available_languages(kinds: tuple[str, ...] = KINDS[:4]) -> tuple[str, ...]:
    """Codes of the languages with enough really translated names of each kind."""
    found = set()
    for identifier in locale_identifiers():
        locale = Locale.parse(identifier)
        if locale.territory is None and locale.variant is None:
            code = _code(identifier)
            if code is not None and is_available(code, kinds):
                found.add(code)
    return tuple(sorted(found))


@cache
def is_available(language: str, kinds: tuple[str, ...] = KINDS[:4]) -> bool:
    """True if each kind has 25 names that differ from the code and from English."""
    if language.replace("-", "_") not in _identifiers():
        return False
    usable, english = usable_names(language, kinds), usable_names("en", kinds)
    return all(
        sum(
            language == "en" or text != english[kind].get(key)
            for key, text in usable[kind].items()
        )
        >= _MIN_TRANSLATED
        for kind in kinds
    )


@cache
def usable_names(language: str, kinds: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """For each kind, key -> name; names that stand for two things are left out.

    "Arabic" is a language and a script: its kind cannot be told from the name.
    """
    sections = {kind: _names(language, kind) for kind in kinds}
    counts = Counter(
        text.casefold() for section in sections.values() for text in section.values()
    )
    return {
        kind: {
            key: text for key, text in section.items() if counts[text.casefold()] == 1
        }
        for kind, section in sections.items()
    }


@cache
def _identifiers() -> frozenset[str]:
    return frozenset(locale_identifiers())


def _code(identifier: str) -> str | None:
    """Canonical code of a locale; None for codes outside the language codes."""
    try:
        return normalise(identifier)
    except ConfigError:
        return None


def _names(language: str, kind: str) -> dict[str, str]:
    # `Locale` has no public access to units without a number to format.
    section = Locale.parse(language.replace("-", "_"))._data.get(_SECTIONS[kind], {})
    names = {}
    for key in section:
        value = section[key]
        if kind == "unit":
            value = value.get("long") or value.get("short")
        if isinstance(value, str) and value.strip() not in ("", key):
            names[key] = value.strip()
    return {key: text for key, text in names.items() if key not in _PLACEHOLDERS}


def _hash(text: str) -> float:
    """A number in [0, 1) that no interpreter or machine changes."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _split_of(position: float) -> Split:
    if position >= _TEST_FROM:
        return "test"
    return "dev" if position >= _DEV_FROM else "train"


def _read(config: CldrData, language: str, split: Split) -> Examples:
    # Hashing the language too gives every language its own partition.
    prefix = "" if config.split_by == "entity" else f"{language}:"
    cap = config.per_class if split == "train" else _evaluation_size(config)
    pools = {}
    for kind, section in usable_names(language, config.kinds).items():
        ids = {_hash(f"{prefix}{kind}:{key}"): key for key in section}
        pools[kind] = [ids[h] for h in sorted(ids) if _split_of(h) == split]
    size = min(cap, *(len(pool) for pool in pools.values()))
    chosen = [(kind, key) for kind, pool in pools.items() for key in pool[:size]]
    names = usable_names(language, config.kinds)
    return Examples(
        language=language,
        split=split,
        ids=tuple(f"{kind}:{key}" for kind, key in chosen),
        texts=tuple(names[kind][key] for kind, key in chosen),
        labels=np.array([config.kinds.index(kind) for kind, _ in chosen], np.int32),
        report=LoadReport(rows=len(chosen), kept=len(chosen)),
    )


def _evaluation_size(config: CldrData) -> int:
    return int(config.per_class * _EVALUATION_SHARE)
