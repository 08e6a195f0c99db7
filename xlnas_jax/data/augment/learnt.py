"""A source whose training rows are augmented, as `train.augment` says."""

import functools
from collections.abc import Sequence

from xlnas_jax.config.augment.ways import AnyWay, BackTranslation, CodeSwitch
from xlnas_jax.data import sources
from xlnas_jax.data.augment.mixing import Entry, mix
from xlnas_jax.data.augment.outcome import Way
from xlnas_jax.data.augment.round_trip import RoundTrip
from xlnas_jax.data.augment.switch import Switch
from xlnas_jax.data.examples import Learnt, Made, Source
from xlnas_jax.data.form import require_text
from xlnas_jax.data.translators.base import Named
from xlnas_jax.data.translators.registry import make_translator
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.tasks.tagging import has_entities
from xlnas_jax.types import ConfigError, DataError

PAPERS = {
    "code_switch": "Qin et al. 2020",
    "paraphrase": "Bannard & Callison-Burch 2005",
    "back_translation": "Sennrich et al. 2016",
}


def with_augmentation(
    source: Source,
    ways: Sequence[AnyWay],
    roles: LanguageRoles,
    seed: int,
    *,
    skip: bool = False,
) -> Source:
    """The same data; weights learn from its training rows with what is made of them.

    Dictionaries, files and networks are looked at when the rows are asked for, once.

    Args:
        skip: pass over faulty rows of files.

    Raises:
        LeakError: a language may not be used so.
        ConfigError: there is none, or rows of the task cannot be augmented so.
    """
    if not ways:
        return source
    languages = [
        _languages(way, roles, f"train.augment[{number}]")
        for number, way in enumerate(ways)
    ]
    for number, way in enumerate(ways):
        _require_task(source, way, f"train.augment[{number}]")

    @functools.cache
    def learnt() -> Learnt:
        rows = sources.read(source, roles, roles.source, "train", "train")
        every: list[tuple[Entry, Named]] = []
        for number, (way, codes) in enumerate(zip(ways, languages, strict=True)):
            where = f"train.augment[{number}].translator"
            translator = make_translator(
                way.translator, source, rows, where, seed=seed, skip=skip
            )
            made = _way(way, translator, roles.source, codes, source, seed, number)
            entry = Entry(way.kind, made, way.share, way.mode == "replace")
            every.append((entry, translator))
        found, counted = mix(rows, [entry for entry, _ in every], seed)
        require_text(found)
        made = tuple(
            Made(way.kind, codes, translator.by(roles.source, codes), dict(counts))
            for way, codes, (_, translator), counts in zip(
                ways, languages, every, counted, strict=True
            )
        )
        for number, one in enumerate(made):
            _require_some(one, f"train.augment[{number}]")
        return Learnt(found, made)

    return source._replace(learnt=learnt)


def rows_made(made: Made) -> int:
    """How many rows stand among the training rows that one entry made."""
    return made.counts.get("rows added", 0) + made.counts.get("rows replaced", 0)


def _way(
    way: AnyWay,
    translator: Named,
    language: str,
    codes: tuple[str, ...],
    source: Source,
    seed: int,
    number: int,
) -> Way:
    # Entries draw apart, whatever stands beside them.
    given = translator, language, codes, source.labels, seed * 1000 + number
    if isinstance(way, BackTranslation):
        return RoundTrip(way, *given)
    return Switch(way, *given)


def _languages(way: AnyWay, roles: LanguageRoles, where: str) -> tuple[str, ...]:
    """Those that words come from, or that rows go through."""
    codes = tuple(map(normalise, way.languages)) or roles.translated
    for code in codes:
        if isinstance(way, CodeSwitch):
            roles.require_translation(code)
        else:
            roles.require_passage(code)
    if not codes:
        raise ConfigError(
            f"{where}.languages: there must be a language to translate into; got none. "
            f"Name some, or, of which text may be used, in languages.unlabelled."
        )
    return codes


def _require_task(source: Source, way: AnyWay, where: str) -> None:
    if source.task == "retrieval":
        raise ConfigError(
            f"{where}: rows to augment must have labels; got translations, which are "
            f"learnt from side by side. Leave train.augment out."
        )
    is_plain = source.task == "tagging" and not has_entities(source.labels)
    if is_plain and isinstance(way, BackTranslation):
        raise ConfigError(
            f"{where}: back_translation finds entities again by their words, and "
            f"every word has a tag in these data; got tags "
            f"{', '.join(source.labels[:5])}. Use code_switch or paraphrase."
        )


def _require_some(made: Made, where: str) -> None:
    """An error where nothing at all was made."""
    if not rows_made(made):
        reasons = [
            f"{count} {reason.removeprefix('dropped: ')}"
            for reason, count in made.counts.items()
            if reason.startswith("dropped")
        ]
        raise DataError(
            f"{where}: {made.kind} must make something of at least one training row; "
            f"got none by {made.by}: {', '.join(reasons) or 'share is too small'}. "
            f"Give a translator that knows these texts, or leave the entry out."
        )
