"""Texts that were translated before, in files."""

import functools

from xlnas_jax.config.augment.translators import FileTranslator
from xlnas_jax.data.examples import AnyExamples, Examples, TaggedExamples
from xlnas_jax.data.form import require_unicode
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.records import read_records
from xlnas_jax.data.translators.base import Texts, words_as_texts
from xlnas_jax.data.translators.places import find_place
from xlnas_jax.types import DataError, brief

Columns = tuple[str, str]
_BY_TEXT: Columns = ("source", "target")
_BY_ID: Columns = ("id", "text")


class Written:
    """A translator that knows what stands in files.

    Args:
        rows: training rows of the source language, by whose ids a file may go.
        where: the option that names the files.
    """

    def __init__(
        self, config: FileTranslator, rows: AnyExamples, where: str, skip: bool
    ) -> None:
        self._config, self._rows = config, rows
        self._where, self._skip = where, skip
        self._table = functools.cache(self._read)

    def translate(self, texts: Texts, source: str, target: str) -> list[str | None]:
        """What a file has beside each text."""
        table = self._table(source, target)
        return [table.get(text) for text in texts]

    def words(self, words: Texts, source: str, target: str) -> list[tuple[str, ...]]:
        """Texts of one word."""
        return words_as_texts(self, words, source, target)

    def _read(self, source: str, target: str) -> dict[str, str]:
        columns, found = self._records(source, target)
        if columns == _BY_TEXT:
            return found
        if source == self._rows.language:
            texts = self._own_texts()
        else:  # what the files themselves have in that language
            _, texts = self._records(self._rows.language, source)
        return {texts[name]: text for name, text in found.items() if name in texts}

    def _own_texts(self) -> dict[str, str]:
        rows = self._rows
        is_single = isinstance(rows, Examples) and rows.pairs is None
        if not is_single and not isinstance(rows, TaggedExamples):
            raise DataError(
                f"{self._where}: ids name translations only where a row is one text; "
                f"got rows of two. Write columns source and target."
            )
        return dict(zip(rows.ids, rows.texts, strict=True))

    def _records(self, source: str, target: str) -> tuple[Columns, dict[str, str]]:
        """Whether a file goes by texts or by ids, and what it has."""
        place = find_place(
            self._config.path, source, target, turns=False, where=self._where
        )
        path, faults = place.path, Faults(self._skip)
        columns: Columns | None = None
        found: dict[str, str] = {}
        for line, record in read_records(path, None, faults):
            if record is None:
                continue
            columns = columns or _columns_of(record, path)
            key, text = (record.get(name) for name in columns)
            at = f"{path}, line {line}"
            if not isinstance(key, str) or not isinstance(text, str) or not key:
                faults.reject(
                    "no text",
                    f"{at}: every row must have text in {' and '.join(columns)}; got "
                    f"{brief(dict(record))}. Correct it.",
                )
                continue
            require_unicode(text, at)
            if text.strip():
                found.setdefault(key, text)
        if not found or columns is None:
            raise DataError(
                f"{path}: must hold at least one translation; got none. Write columns "
                f"source and target, or id and text."
            )
        return columns, found


def _columns_of(record: object, path: str) -> Columns:
    assert isinstance(record, dict)
    for columns in (_BY_TEXT, _BY_ID):
        if all(name in record for name in columns):
            return columns
    raise DataError(
        f"{path}: must have columns source and target, or id and text; got "
        f"{brief(list(record))}. Rename them."
    )
