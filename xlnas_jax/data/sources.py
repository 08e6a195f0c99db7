"""From a configuration to a data source, and the one guarded way to read it."""

from xlnas_jax.config import CipherData, CldrData, HubData, TableData
from xlnas_jax.data.cipher import make_cipher_source
from xlnas_jax.data.cldr import make_cldr_source
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.data.hub import make_hub_source
from xlnas_jax.data.patterns import unknown_language
from xlnas_jax.data.table import make_table_source
from xlnas_jax.languages import LanguageRoles, Phase, Split, normalise


def make_source(
    config: TableData | HubData | CldrData | CipherData, roles: LanguageRoles
) -> Source:
    """The source a configuration describes; every language of the roles is in it.

    Only the training split of the source language is opened here, for the label
    set; of the other languages it is seen that they exist.

    Raises:
        DataError: a language is missing; the nearest ones are named.
    """
    source = _make(config, roles.source)
    known = source.languages()
    for language in roles.all:
        if language not in known:
            where = getattr(config, "path", config.kind)
            raise unknown_language(language, known, f"data ({where})")
    return source


def read(
    source: Source, roles: LanguageRoles, language: str, split: Split, phase: Phase
) -> Examples:
    """Examples of a language and split, if its role lets this phase see them.

    Raises:
        LeakError: the role forbids it (see `LanguageRoles.require`).
    """
    roles.require(language, split, phase)
    return source.read(normalise(language), split)


def _make(
    config: TableData | HubData | CldrData | CipherData, source_language: str
) -> Source:
    match config:
        case TableData():
            return make_table_source(config, source_language)
        case HubData():
            return make_hub_source(config, source_language)
        case CldrData():
            return make_cldr_source(config)
        case CipherData():
            base = _make(config.base, normalise(config.base_language))
            return make_cipher_source(config, base)


def read_texts(source: Source, language: str, split: Split) -> tuple[str, ...]:
    """Texts without their labels, which every phase may see in every language."""
    return source.read(normalise(language), split).texts
