"""What a text, a label and an id may be: one definition for every reader."""

import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache

from xlnas_jax.data.examples import Row
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.types import brief

SPELLED = "label with white space around it or not in NFC, corrected"
# What Python, JSON, SQL and pandas write where there is nothing.
NULLS = frozenset({"None", "null", "NULL", "nan", "NaN", "<NA>"})
_INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp"}


def make_row(
    values: Mapping[str, object],
    place: str,
    faults: Faults,
    known: Collection[str] = (),
) -> Row | None:
    """A row of what a reader found, or None where it is faulty.

    Args:
        values: `id`, `text`, `label` and, of pairs, `pair`, as the reader has them.
        known: labels that were declared: they are labels, whatever they look like.
    """
    texts: dict[str, str] = {}
    for part in ("id", "text", "pair"):
        if part in values:
            text = text_of(values[part], part, place, faults)
            if text is None:
                return None
            texts[part] = text
    label = label_of(values["label"], place, faults, known)
    if label is None:
        return None
    return Row(texts["id"], texts["text"], label, place, texts.get("pair"))


def text_of(value: object, part: str, place: str, faults: Faults) -> str | None:
    """A text with something to see in it, or None where it is faulty."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        _reject_kind(value, part, "a text", place, faults)
        return None
    text = str(value)
    if is_blank(text):
        faults.reject(
            f"empty {part}",
            f"{place}: every example must have a {part}; got an empty one. Remove "
            f"the row or fill it in.",
        )
        return None
    return text if is_text(text, part, place, faults) else None


def label_of(
    value: object, place: str, faults: Faults, known: Collection[str] = ()
) -> str | None:
    """A label in its one spelling, or None where there is none."""
    if not isinstance(value, str | int) and value is not None:
        what = "a text, a whole number, true or false"
        _reject_kind(value, "label", what, place, faults)
        return None
    given = "" if value is None else str(value)
    label = given if given in known else spelled(given)
    if label not in known and (is_blank(label) or label in NULLS):
        faults.reject(
            "no label",
            f"{place}: every example must have a label; got "
            f"{kind_of(value)}. Fill it in or "
            f"remove the row; what is the name of a class must stand in data.labels.",
        )
        return None
    if not is_text(label, "label", place, faults):
        return None
    if label != given:
        faults.note(SPELLED)
    return label


@lru_cache(4096)  # there are few labels, and a great many words that have one
def spelled(label: str) -> str:
    """A label as those that look the same are written: NFC, nothing unseen around."""
    seen = [at for at, character in enumerate(label) if not is_blank(character)]
    inner = label[seen[0] : seen[-1] + 1] if seen else ""
    return unicodedata.normalize("NFC", inner)


def is_blank(text: str) -> bool:
    """True where there is nothing to see: white space, or characters without width."""
    return all(
        character.isspace() or unicodedata.category(character) in _INVISIBLE
        for character in text
    )


def is_text(text: str, part: str, place: str, faults: Faults) -> bool:
    """False, and a fault, where a text has what is no character of any text."""
    found = ""
    if "\0" in text:
        found = "a NUL character, as in files that are no text, or UTF-16"
    elif not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            found = f"the lone surrogate {text[error.start]!a}, half a character"
    if found:
        faults.reject(
            "no text",
            f"{place}: the {part} must be Unicode text; got {found}. Correct or "
            f"remove the row.",
        )
    return not found


def kind_of(value: object) -> str:
    """What a value is that cannot be used, for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"the number {value}"
    if isinstance(value, str):
        return "an empty one" if is_blank(value) else brief(value)
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return f"{brief(value)}, of type {type(value).__name__}"


def _reject_kind(
    value: object, part: str, what: str, place: str, faults: Faults
) -> None:
    faults.reject(
        f"{part} of a wrong kind",
        f"{place}: the {part} must be {what}; got {kind_of(value)}. Correct or remove "
        f"the row, or name another column.",
    )
