"""Translators that do as they are told."""

from collections.abc import Mapping, Sequence

Table = Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]


class Told:
    """Knows a table of words by pair of languages, and texts word by word."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def translate(
        self, texts: Sequence[str], source: str, target: str
    ) -> list[str | None]:
        table = self.table[source, target]
        return [
            " ".join(table.get(word, (word,))[0] for word in text.split())
            for text in texts
        ]

    def words(
        self, words: Sequence[str], source: str, target: str
    ) -> list[tuple[str, ...]]:
        return [self.table[source, target].get(word, ()) for word in words]
