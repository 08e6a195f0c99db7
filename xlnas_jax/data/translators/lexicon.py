"""A dictionary of two languages, and how words are looked up in it."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xlnas_jax.data.form import require_unicode
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.lines import MAX_LINE, read_text, split_lines
from xlnas_jax.languages.codes import named
from xlnas_jax.types import DataError, brief


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Words with their translations, in the order of a file.

    Attributes:
        entries: by folded word; see `folded`.
        origin: where it comes from, for messages.
    """

    entries: dict[str, tuple[str, ...]]
    origin: str
    licence: str = field(default="")

    def __len__(self) -> int:
        return len(self.entries)

    def lookup(self, word: str) -> tuple[str, ...]:
        """Its translations, in capitals where it is."""
        found = self.entries.get(folded(word), ())
        return tuple(in_case_of(word, one) for one in found)


def make_lexicon(
    pairs: Iterable[tuple[str, str]], origin: str, licence: str = ""
) -> Lexicon:
    """A dictionary of pairs of words, each kept once."""
    found: dict[str, dict[str, None]] = {}
    for word, translation in pairs:
        found.setdefault(folded(word), {})[translation] = None
    entries = {word: tuple(every) for word, every in found.items()}
    return Lexicon(entries, origin, licence)


def read_lexicon(path: str, is_turned: bool, skip: bool) -> Lexicon:
    """The dictionary of a file, or of its second column.

    Raises:
        DataError: it cannot be read; or, unless `skip` passes over it, a line is no
            pair.
    """
    pairs = read_word_pairs(path, Faults(skip))
    return make_lexicon(((b, a) for a, b in pairs) if is_turned else pairs, path)


def places_of_pairs(
    pairs: Iterable[tuple[str, str]], ours: Sequence[str], theirs: Sequence[str]
) -> list[tuple[int, int]]:
    """Where in two lists the words of pairs stand, of those that stand in both."""
    one, other = ({folded(w): n for n, w in enumerate(side)} for side in (ours, theirs))
    every = ((one.get(folded(a)), other.get(folded(b))) for a, b in pairs)
    return [(a, b) for a, b in every if a is not None and b is not None]


def read_word_pairs(path: str, faults: Faults) -> list[tuple[str, str]]:
    """Lines of a word and its translation, with a tab between, or white space."""
    found = []
    for number, line in enumerate(split_lines(read_text(path)), start=1):
        if not line.strip():
            continue
        parts = line.split("\t") if "\t" in line else line.split()
        parts = [" ".join(part.split()) for part in parts[:3]]
        if len(parts) != 2 or not all(parts) or len(line) > MAX_LINE:
            faults.reject(
                "no pair of words",
                f"{path}, line {number}: every line must be a word, a tab or a space, "
                f"and its translation; got {brief(line)}. Correct or remove the line.",
            )
            continue
        require_unicode(line, f"{path}, line {number}")
        found.append((parts[0], parts[1]))
    return found


def require_words(
    lexicon: Lexicon, least: int, languages: tuple[str, str], where: str
) -> Lexicon:
    """The dictionary; an error where it has fewer words than it must."""
    if len(lexicon) < least:
        source, target = map(named, languages)
        raise DataError(
            f"{where}: a dictionary must have at least {least} words (least); got "
            f"{len(lexicon)} of {source} into {target} in {lexicon.origin}. Give a "
            f"larger one, or another least."
        )
    return lexicon


def folded(word: str) -> str:
    """What words are the same by: their letters, small ones, composed."""
    return unicodedata.normalize("NFC", word).casefold()


def in_case_of(word: str, translation: str) -> str:
    """A translation in small letters with the capitals that a word has."""
    if not translation.islower():
        return translation
    if len(word) > 1 and word.isupper():
        return translation.upper()
    if word[:1].isupper():
        return translation[:1].upper() + translation[1:]
    return translation
