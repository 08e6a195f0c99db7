"""Language codes: many spellings of one language become one code."""

import difflib
import re
from collections.abc import Iterable
from functools import cache

from babel import Locale
from babel.core import get_global

from xlnas_jax.types import ConfigError

# What CLDR keeps apart although the written language is the same.
_SAME_WRITTEN_LANGUAGE = {"no": "nb"}
# Data sets name Korean by its alphabet, CLDR by alphabet and Han characters.
_WIDER_SCRIPT = {"Hang": "Kore"}
_NOT_A_LANGUAGE = frozenset({"und", "mul", "mis", "zxx", "root"})
_FORM = re.compile(
    r"(?P<language>[a-z]{2,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|\d{3}))?"
)
_PRIVATE = re.compile(r"(q[a-t][a-z]|([a-z]{2,3}-)?x(-[a-z0-9]{1,8})+)")


@cache
def normalise(code: str) -> str:
    """The shortest BCP 47 code of a language, whatever form it was written in.

    ISO 639-1, ISO 639-3, BCP 47 and `eng_Latn` forms of one language agree.
    Script and region stay only where CLDR does not expect them of the language:
    `pt-BR` is `pt`, but `pt-PT` and `zh-Hant` stay. Private codes, for invented
    languages, pass unchanged: `qaa` to `qtz`, `x-near`, `en-x-near`.

    Raises:
        ConfigError: the code is malformed, or no language of CLDR has it.

    Example:
        >>> [normalise(code) for code in ("eng_Latn", "swh_Latn", "zho_Hant")]
        ['en', 'sw', 'zh-Hant']
    """
    text = code.replace("_", "-").lower()
    if _PRIVATE.fullmatch(text):
        return text
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"language code: must look like en, eng, eng_Latn, pt-BR or x-name; "
            f"got {code!r}. Write language, then script and region if needed."
        )
    language, script, region = match.group("language", "script", "region")
    script = _WIDER_SCRIPT.get(script.title(), script.title()) if script else None
    region = region.upper() if region else None
    _check_known(code, language, script, region)
    alias, alias_script, alias_region = _split(_alias(language))
    return _minimise(alias, script or alias_script, region or alias_region)


def name(code: str) -> str:
    """The English name of a language; the code itself where it has none.

    CLDR's; of languages that it does not translate, that of the IANA's registry.
    """
    canonical = normalise(code)
    if _PRIVATE.fullmatch(canonical):
        return canonical
    english = Locale("en").languages
    key = canonical.replace("-", "_")
    if key in english:
        return english[key]
    language, script, region = _split(key)
    if language not in english:
        return _registered(canonical)
    scripts, territories = Locale("en").scripts, Locale("en").territories
    details = [scripts[script]] if script in scripts else []
    details += [territories[region]] if region in territories else []
    suffix = f" ({', '.join(details)})" if details else ""
    return english[language] + suffix


def titled(code: str, spelled: str = "") -> str:
    """A code, as a user spelled it, and the English name where there is one.

    Example:
        >>> titled("swh"), titled("en", "eng_Latn"), titled("x-near")
        ('sw Swahili', 'eng_Latn English', 'x-near')
    """
    canonical = normalise(code)
    found = name(canonical)
    shown = spelled or canonical
    return shown if found == canonical else f"{shown} {found}"


def named(code: str) -> str:
    """The English name with the code behind it; the code alone where it has none.

    Example:
        >>> named("swh"), named("quy"), named("x-near")
        ('Swahili (sw)', 'Ayacucho Quechua (quy)', 'x-near')
    """
    found = name(code)
    return found if found == normalise(code) else f"{found} ({normalise(code)})"


def nearest(code: str, known: Iterable[str], num: int = 5) -> tuple[str, ...]:
    """The known codes closest to `code` by spelling, by English name too."""
    known = sorted(set(known))
    by_code = difflib.get_close_matches(code, known, num, 0.5)
    try:
        names = {name(other): other for other in known}
        by_name = difflib.get_close_matches(name(code), list(names), num, 0.5)
    except ConfigError:  # not a code at all: its spelling is all there is
        return tuple(by_code or known[:num])
    found = dict.fromkeys([*by_code, *(names[match] for match in by_name)])
    return tuple(found)[:num] or tuple(known[:num])


def is_private(code: str) -> bool:
    """Whether it is the code of an invented language."""
    return bool(_PRIVATE.fullmatch(normalise(code)))


def script_of(code: str) -> str | None:
    """ISO 15924 code of a language's usual script; None where CLDR knows none."""
    if is_private(code):
        return None
    language, script, region = _split(normalise(code))
    return script or _maximise(language, None, region)[1]


def _registered(canonical: str) -> str:
    # Its data are large, and few languages need them.
    import langcodes

    found = langcodes.Language.get(canonical).display_name()
    # That is how it names what it does not know.
    return canonical if found.startswith("Unknown language") else found


def _check_known(
    code: str, language: str, script: str | None, region: str | None
) -> None:
    english = Locale("en")
    is_language = language not in _NOT_A_LANGUAGE and (
        language in get_global("likely_subtags")
        or language in get_global("language_aliases")
        or language in english.languages
    )
    parts = (
        ("language", language, is_language),
        ("script", script, script is None or script in english.scripts),
        ("region", region, region is None or region in english.territories),
    )
    for part, value, is_known in parts:
        if not is_known:
            raise ConfigError(
                f"language code: must name a language, script and region of the "
                f"Unicode CLDR; got {code!r}, whose {part} {value!r} is unknown. "
                f"For an invented language use a private code such as x-{language}."
            )


def _alias(language: str) -> str:
    found = get_global("language_aliases").get(language) or language
    return _SAME_WRITTEN_LANGUAGE.get(found, found)


def _split(code: str) -> tuple[str, str | None, str | None]:
    language, *rest = code.replace("_", "-").split("-")
    script = next((part for part in rest if len(part) == 4), None)
    region = next((part for part in rest if len(part) in (2, 3)), None)
    return language, script, region


def _maximise(
    language: str, script: str | None, region: str | None
) -> tuple[str, str | None, str | None]:
    """Fill in the script and region CLDR expects (UTS 35, likely subtags)."""
    likely = get_global("likely_subtags")
    keys = ((language, script, region), (language, region), (language, script))
    for key in (*keys, (language,)):
        found = likely.get("_".join(part for part in key if part))
        if found:
            full_language, full_script, full_region = _split(found)
            return full_language, script or full_script, region or full_region
    return language, script, region


def _minimise(language: str, script: str | None, region: str | None) -> str:
    """Drop what `_maximise` would restore; the script outlives the region."""
    full = _maximise(language, script, region)
    _, script, region = full
    for kept in ((None, None), (script, None), (None, region), (script, region)):
        if _maximise(language, *kept) == full:
            break
    return "-".join([language, *(part for part in kept if part is not None)])
