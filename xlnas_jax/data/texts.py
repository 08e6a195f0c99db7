"""Text without labels: by construction there is none to read.

Whatever the place it comes from has beside it, what is handed on are texts, and pairs
of texts where the task reads such.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xlnas_jax.config.data import SetData
from xlnas_jax.config.texts import AnyTexts, LineTexts, OwnTexts, SetTexts
from xlnas_jax.data.examples import AnyExamples, Examples, QuestionExamples, Source
from xlnas_jax.data.form import require_unicode
from xlnas_jax.data.named import make_set_source
from xlnas_jax.data.parallel import read_side
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.data.readers.lines import read_text, split_lines
from xlnas_jax.data.readers.patterns import match_files
from xlnas_jax.data.sets.registry import find
from xlnas_jax.languages.codes import named
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import DataError


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts of one language, in the order of their places.

    Attributes:
        language: canonical code.
        pairs: of a task that reads pairs, the second text of each: what stands
            beside it, or, of plain text, the next text.
    """

    language: str
    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)


def read_unlabelled(
    places: Sequence[AnyTexts],
    source: Source,
    roles: LanguageRoles,
    language: str,
    *,
    is_paired: bool = False,
    skip: bool = False,
) -> Texts:
    """What a language has in all places, joined; equal texts are kept once.

    Args:
        source: of the task's own data.
        is_paired: the task reads pairs of texts.
        skip: pass over faulty rows of files.

    Raises:
        LeakError: it is not of `languages.unlabelled`.
        DataError: there is no text of it, or a file is faulty.
    """
    roles.require_text(language)
    where = "languages.unlabelled"
    found = _of_places(places, source, language, is_paired, skip, where)
    texts, pairs = zip(*found, strict=True)
    return Texts(language, texts, pairs if is_paired else None)


def read_plain(
    places: Sequence[SetTexts | LineTexts], language: str, skip: bool, where: str
) -> tuple[str, ...]:
    """The same of a language without a role, in places that belong to no task.

    Args:
        where: the option that names the language, for messages.

    Raises:
        DataError: as above.
    """
    found = _of_places(places, None, language, False, skip, where)
    return tuple(text for text, _ in found)


def _of_places(
    places: Sequence[AnyTexts],
    source: Source | None,
    language: str,
    is_paired: bool,
    skip: bool,
    where: str,
) -> list[tuple[str, str]]:
    """Distinct texts with their pairs, in the order of the places."""
    found: dict[tuple[str, str], None] = {}
    for place in places:
        own = _of_place(place, source, language, is_paired, skip)
        found.update(dict.fromkeys(_drawn(own, place.limit)))
    if not found:
        raise DataError(
            f"{where}: there must be text of {named(language)}; got none in "
            f"{', '.join(map(_told, places))}. Name a place that has some in texts, "
            f"or remove the language."
        )
    for texts in found:
        for text in texts:
            require_unicode(text, f"text of {language!r}")
    return list(found)


def _drawn(own: list[tuple[str, str]], limit: int | None) -> list[tuple[str, str]]:
    """So many of them at most, the same ones in every run, in their order.

    By a hash of the text: of data that is parallel, every language then has other
    sentences, and all together say more than the first ones of each.
    """
    if limit is None or len(own) <= limit:
        return own

    def key(place: int) -> tuple[int, int]:
        return zlib.crc32(own[place][0].encode()), place

    return [own[n] for n in sorted(sorted(range(len(own)), key=key)[:limit])]


def _of_place(
    place: AnyTexts, source: Source | None, language: str, is_paired: bool, skip: bool
) -> list[tuple[str, str]]:
    """Texts with their pairs, which are empty where the task reads none."""
    try:
        if isinstance(place, OwnTexts):
            assert source is not None, "it is of a task"
            return _of_examples(source.read(language, "train"), is_paired)
        if isinstance(place, LineTexts):
            return _of_plain(_lines(place.path, language), is_paired)
        data_set = find(place.name)
        if data_set.task == "parallel":
            split = place.split or None
            side = read_side(data_set, place.path, language, split, skip)
            return _of_plain(side, is_paired)
        config = SetData(place.name, path=place.path)
        other = make_set_source(config, language, skip)
        return _of_examples(other.read(language, place.split or "train"), is_paired)
    except NotThereError:
        return []


def _of_examples(examples: AnyExamples, is_paired: bool) -> list[tuple[str, str]]:
    if not is_paired:
        return [(text, "") for text in examples.texts if text.strip()]
    if isinstance(examples, QuestionExamples):
        return list(zip(examples.questions, examples.contexts, strict=True))
    if isinstance(examples, Examples) and examples.pairs is not None:
        return list(zip(examples.texts, examples.pairs, strict=True))
    return _of_plain(examples.texts, is_paired)


def _of_plain(texts: Sequence[str], is_paired: bool) -> list[tuple[str, str]]:
    """Each with nothing, or with the next one, the last with the first."""
    kept = [text for text in texts if text.strip()]
    if not is_paired:
        return [(text, "") for text in kept]
    return list(zip(kept, [*kept[1:], *kept[:1]], strict=True))


def _lines(pattern: str, language: str) -> list[str]:
    """The lines of the one file of a language."""
    expanded = Path(pattern).expanduser().as_posix()
    forms = match_files(expanded)
    if language not in forms:
        return []
    return split_lines(read_text(expanded.replace("{language}", forms[language])))


def _told(place: AnyTexts) -> str:
    """A place as its user knows it."""
    if isinstance(place, OwnTexts):
        return "the training split of data"
    return place.name if isinstance(place, SetTexts) else place.path
